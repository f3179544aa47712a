"""The claims that a table decides, and the lines that they speak of."""

from stm.config.loading import Source, suggestion
from stm.config.schema.claims import Claim, Counted, Difference, Reached, Timed
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


def families_of(study: BoundStudy, claims: list[LocatedClaim]) -> dict[str, list[LocatedClaim]]:
    """By table, the comparisons of other tables that these claims rest on, with all that are tested beside them there.

    Holm's adjustment is over a table: a statement that rests on the evidence of another is judged where that stands, or
    one comparison could have two verdicts. Lines are named `table/line`.
    """
    tables = {claim.id: claim.compare.table for _, _, _, claim in study.claims if claim.compare}
    own = {claim.id for _, _, _, claim in claims}
    roots = [claim.same_evidence_as for _, _, _, claim in claims if claim.compare]
    names = dict.fromkeys(tables[root] for root in roots if root in tables and root not in own)
    return {
        name: [
            (source, i, paper, _qualified(claim)) for source, i, paper, claim in claims_of(study, name) if claim.compare
        ]
        for name in names
    }


def _qualified(claim: Claim) -> Claim:
    """The claim with its lines as claims of other tables name them."""
    compare = claim.compare
    assert compare is not None, "only comparisons come here"

    def named(gap: Difference) -> dict[str, str]:
        return {
            key: ref if "/" in (ref := getattr(gap, key)) else f"{compare.table}/{ref}" for key in ("first", "second")
        }

    less = compare.less and compare.less.model_copy(update=named(compare.less))
    return claim.model_copy(update={"compare": compare.model_copy(update={**named(compare), "less": less})})


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
