"""All routes of the public API that logic serves."""

from bookmeup.logic.routes import appointments, business, profile, services

public = [*profile.routes, *services.routes, *appointments.routes, *business.routes]
