"""The claims that a table decides, and the lines that they speak of."""

from stm.config.loading import Source, suggestion
from stm.config.schema.claims import Claim, Counted, Reached, Timed
from stm.config.schema.tables import PublishedTable, Table
from stm.config.study import BoundStudy
from stm.config.tablefiles import printed_line, role_of

# The file that it stands in, its number there, the paper.
LocatedClaim = tuple[Source, int, str, Claim]


def claims_of(study: BoundStudy, table: str) -> list[LocatedClaim]:
    """The claims that a table decides, in the order of the papers."""
    found = []
    for source, i, paper, claim in study.claims:
        decider = claim.decider
        if decider is None:
            continue
        if decider.table not in study.known_tables:
            key = next(key for key in ("compare", "reached", "count", "speed") if getattr(claim, key))
            hint = suggestion(decider.table, study.known_tables)
            raise source.error(("claims", i, key, "table"), f" = {decider.table!r} is no table.{hint}")
        if decider.table == table:
            found.append((source, i, paper, claim))
    return found


def references(claim: Claim) -> list[str]:
    """The lines that a claim speaks of."""
    if claim.reached is not None:
        return [claim.reached.line, *claim.reached.rivals]
    counted: Counted | Timed | None = claim.count or claim.speed
    if counted is not None:
        return [counted.line, *([counted.over] if counted.over else [])]
    assert claim.compare is not None, "only claims that lines decide come here"
    gaps = [claim.compare, *([claim.compare.less] if claim.compare.less else [])]
    return [ref for gap in gaps for ref in (gap.first, gap.second)]


def require_figures(source: Source, i: int, reached: Reached, table: Table, published: PublishedTable | None) -> None:
    """A claim of what a line reaches is of one that is trained, and of figures that are printed of the same clips."""
    numbers = {line.name: number for number, line in enumerate(table.lines)}
    line, at = table.lines[numbers[reached.line]], ("claims", i, "reached")
    if line.variant is None:
        raise source.error((*at, "line"), f" = {reached.line!r} has no variant: no study measures it")
    for rival in reached.rivals:
        other = table.lines[numbers[rival]]
        if (role_of(table, other), other.subset) != (role_of(table, line), line.subset):
            raise source.error(at, f": {rival!r} is of other clips than {reached.line!r}")
        if reached.measure not in printed_line(published, table, numbers[rival]).figures():
            raise source.error(at, f": no {reached.measure} of {rival!r} is printed")
