"""All routes of the public API that logic serves."""

from bookmeup.logic.routes import (
    addons,
    appointments,
    business,
    exceptions,
    locations,
    profile,
    resources,
    services,
    slots,
    together,
    waitlist,
)

public = [
    *profile.routes,
    *services.routes,
    *addons.routes,
    *slots.routes,
    *appointments.routes,
    *business.routes,
    *exceptions.routes,
    *locations.routes,
    *resources.routes,
    *together.routes,
    *waitlist.routes,
]
