"""Prices what guests request at the menu's prices, once per line; the result is stored in the
order. Taxes, discounts and totals are computed from that in billing.py."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from dinerapp.ordering.domain.billing import BillingTerms, Discount
from dinerapp.ordering.domain.menu import MenuItem, OptionGroup, Serving
from dinerapp.ordering.domain.orders import ChosenOption, FulfilmentType, Line
from dinerapp.replication.errors import InvalidRequest, RuleViolation


@dataclass(frozen=True, slots=True)
class Rates:
    """Tax rate and service charge of the restaurant."""

    tax_rate: int = 0
    tax_included: bool = True
    service_charge: int = 0

    def billing_terms(
        self, fulfilment: FulfilmentType, discount: Discount | None = None
    ) -> BillingTerms:
        """The billing terms of an order placed now; dine-in orders pay the service charge."""
        served = fulfilment is FulfilmentType.DINE_IN
        return BillingTerms(
            tax_included=self.tax_included,
            service_charge=self.service_charge if served else 0,
            discount=discount,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LineRequest:
    """A line as a guest requests it: ids and a quantity, never a price."""

    item_id: str
    quantity: int
    options: tuple[str, ...] = ()
    notes: str | None = None


def quote(
    requests: Sequence[LineRequest],
    menu: Mapping[str, MenuItem],
    line_ids: Sequence[str],
    rates: Rates,
    serving: Serving | None = None,
) -> Iterator[Line | RuleViolation]:
    """A line for each request, or the reason why it cannot be ordered."""
    for number, (request, line_id) in enumerate(zip(requests, line_ids, strict=True)):
        try:
            yield _quote_line(request, menu, line_id, rates, f"items.{number}", serving)
        except RuleViolation as violation:
            yield violation


def require_all(quotes: Iterable[Line | RuleViolation]) -> tuple[Line, ...]:
    """The lines, if all can be ordered; else the RuleViolation of the first one that cannot."""
    lines = []
    for quoted in quotes:
        if isinstance(quoted, RuleViolation):
            raise quoted
        lines.append(quoted)
    return tuple(lines)


def _quote_line(
    request: LineRequest,
    menu: Mapping[str, MenuItem],
    line_id: str,
    rates: Rates,
    path: str,
    serving: Serving | None,
) -> Line:
    item = menu.get(request.item_id)
    if item is None:
        raise InvalidRequest("is not on the menu", field=f"{path}.item_id")
    if not item.available:
        raise RuleViolation(f"{item.name} is not available now", field=f"{path}.item_id")
    if serving is not None and not serving.serves(item):
        raise RuleViolation(_closed_violation(item, serving), field=f"{path}.item_id")
    options = _chosen_options(item, request.options, path)
    unit = item.price + sum(option.price for option in options)
    if unit < 0:
        raise InvalidRequest("must not reduce the price below 0", field=f"{path}.options")
    return Line(
        id=line_id,
        item_id=item.id,
        name=item.name,
        quantity=request.quantity,
        unit_price=unit,
        options=options,
        notes=request.notes,
        total=unit * request.quantity,
        counted=item.stock_limit is not None,
        tax_rate=rates.tax_rate if item.tax_rate is None else item.tax_rate,
        station=item.station,
    )


def _closed_violation(item: MenuItem, serving: Serving) -> str:
    local = serving.calendar.local
    sentence = f"{item.name} is not served on {local(serving.moment):%A at %H:%M}"
    again = serving.next_served_at(item)
    if again is None:
        return sentence
    return f"{sentence}; it is served again from {local(again):%A, %d %B at %H:%M}"


def _chosen_options(
    item: MenuItem, option_ids: Sequence[str], path: str
) -> tuple[ChosenOption, ...]:
    field = f"{path}.options"
    if len(set(option_ids)) != len(option_ids):
        raise InvalidRequest("must not contain the same option twice", field=field)
    known = {option.id: option for group in item.option_groups for option in group.options}
    for option_id in option_ids:
        if option_id not in known:
            raise InvalidRequest(f"{item.name} has no option {option_id}", field=field)
    for group in item.option_groups:
        _check_group(group, sum(option.id in option_ids for option in group.options), field)
    return tuple(
        ChosenOption(id=key, name=known[key].name, price=known[key].price) for key in option_ids
    )


def _check_group(group: OptionGroup, taken: int, field: str) -> None:
    if not group.min <= taken <= group.max:
        accepted = str(group.min) if group.min == group.max else f"{group.min} to {group.max}"
        raise InvalidRequest(f"{group.name}: choose {accepted}, not {taken}", field=field)
