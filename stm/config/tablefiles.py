"""A table's own file and its printed figures, line by line."""

from stm.config.loading import Source, validated
from stm.config.schema.tables import Line, PublishedLine, PublishedTable, Table
from stm.config.study import BoundStudy


def table_files(study: BoundStudy, name: str) -> tuple[Source, Table, PublishedTable | None]:
    """A table and its published figures, line by line; controls have none."""
    source = study.read(study.source, (), "tables", name)
    table = validated(Table, source)
    if table.paper == "controls":
        return source, table, None
    published_source = study.read(source, (), "published/tables", name)
    published = validated(PublishedTable, published_source)
    ours, theirs = ([x.method for x in lines] for lines in (table.lines, published.lines))
    if ours != theirs:
        raise published_source.error(("lines",), f": methods {theirs} are not those of {source.path}: {ours}")
    return source, table, published


def printed_line(published: PublishedTable | None, table: Table, i: int) -> PublishedLine:
    return published.lines[i] if published else PublishedLine(method=table.lines[i].method)


def role_of(table: Table, line: Line) -> str:
    return line.role or table.role
