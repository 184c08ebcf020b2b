"""What can be added to a service: it lengthens it and raises its price."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from bookmeup.schemas.services import PriceIn
from bookmeup.schemas.text import Name

Longer = Annotated[int, Meta(ge=0, le=1440, description="Minutes.", examples=[15])]


class Addon(Struct):
    """Its price is in the service's currency."""

    id: int
    name: str
    duration: int
    price: Annotated[str, Meta(examples=["20 RON"])]
    price_minor: int
    currency: str


class AddonChange(Struct, forbid_unknown_fields=True):
    """Any of these; a price in another currency than the service's is refused."""

    name: Name | UnsetType = UNSET
    duration: Longer | UnsetType = UNSET
    price: PriceIn | UnsetType = UNSET


class NewAddon(AddonChange, kw_only=True, forbid_unknown_fields=True):
    """Without duration or price it takes no time or costs nothing."""

    name: Name
