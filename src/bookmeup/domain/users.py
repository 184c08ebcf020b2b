"""Who somebody is to the business."""

from enum import StrEnum


class UserRole(StrEnum):
    CUSTOMER = "customer"
    STAFF = "staff"
    ADMIN = "admin"

    @property
    def is_staff(self) -> bool:
        """An admin may do what staff may."""
        return self is not UserRole.CUSTOMER
