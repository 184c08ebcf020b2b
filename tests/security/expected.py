"""T14, T16: every public route, and what each kind of caller gets from it. A route without a row fails the build.

Columns: anonymous, customer A (the owner, where a row says "A's"), customer B, staff, admin. The request is one that
would succeed for whoever may make it. Without an owner in the row there is no object that belongs to somebody.
"""

from typing import NamedTuple


class Row(NamedTuple):
    method: str
    path: str
    of: str
    statuses: dict[str, int]


WHO = ("anonymous", "A", "B", "staff", "admin")
TABLE = """
GET    /livez                               -        200 200 200 200 200
GET    /readyz                              -        200 200 200 200 200
GET    /health                              -        200 200 200 200 200
GET    /auth/health                         -        200 200 200 200 200
GET    /auth/.well-known/jwks.json          -        200 200 200 200 200
POST   /auth/register                       -        201 201 201 201 201
POST   /auth/login                          -        200 200 200 200 200
DELETE /auth/logout                         -        401 200 200 200 200
GET    /auth/users                          -        401 403 403 403 200
PUT    /auth/users/{id}/role                A's      401 403 403 403 200
PUT    /auth/users/{id}/role                own      401 403 403 403 200
GET    /profile                             own      401 200 200 200 200
PUT    /profile                             own      401 200 200 200 200
GET    /services                            -        200 200 200 200 200
GET    /services/all                        -        401 403 403 200 200
GET    /services/{id}                       -        200 200 200 200 200
GET    /services/{id}/addons                -        200 200 200 200 200
POST   /services/{id}/addons                -        401 403 403 201 201
PUT    /services/{id}/addons/{addon}        -        401 403 403 200 200
DELETE /services/{id}/addons/{addon}        -        401 403 403 200 200
POST   /services                            -        401 403 403 201 201
PUT    /services/{id}                       -        401 403 403 200 200
DELETE /services/{id}                       -        401 403 403 200 200
GET    /available-timeslots                 -        200 200 200 200 200
GET    /available-timeslots/days            -        200 200 200 200 200
GET    /available-timeslots/next            -        200 200 200 200 200
GET    /available-timeslots/verdicts        -        401 403 403 200 200
POST   /appointments                        own      401 201 201 201 201
GET    /appointments                        -        401 403 403 200 200
GET    /appointments/me                     own      401 200 200 200 200
GET    /appointments/date/{date}            -        401 403 403 200 200
GET    /appointments/{id}                   A's      401 200 404 200 200
GET    /appointments/{id}                   own      401 200 200 200 200
GET    /appointments/{id}                   staff's  401 404 404 200 200
PUT    /appointments/{id}                   A's      401 403 403 200 200
PUT    /appointments/{id}                   own      401 403 403 200 200
DELETE /appointments/{id}                   A's      401 403 403 200 200
DELETE /appointments/{id}                   own      401 403 403 200 200
PUT    /appointments/me/{id}                A's      401 200 404 404 404
PUT    /appointments/me/{id}                own      401 200 200 200 200
PUT    /appointments/me/{id}                staff's  401 404 404 200 404
DELETE /appointments/me/{id}                A's      401 200 404 404 404
DELETE /appointments/me/{id}                own      401 200 200 200 200
DELETE /appointments/me/{id}                staff's  401 404 404 200 404
GET    /appointments/{id}/history           A's      401 200 404 200 200
GET    /appointments/{id}/history           own      401 200 200 200 200
GET    /appointments/{id}/history           staff's  401 404 404 200 200
POST   /appointments/{id}/confirm           A's      401 403 403 200 200
POST   /appointments/{id}/decline           A's      401 403 403 200 200
POST   /appointments/{id}/complete          A's      401 403 403 200 200
POST   /appointments/{id}/complete          own      401 403 403 200 200
POST   /appointments/{id}/no-show           A's      401 403 403 200 200
POST   /appointments/{id}/no-show           own      401 403 403 200 200
POST   /holds                               own      401 201 201 201 201
DELETE /holds/{id}                          A's      401 200 404 404 404
DELETE /holds/{id}                          own      401 200 200 200 200
DELETE /holds/{id}                          staff's  401 404 404 200 404
POST   /series                              own      401 201 201 201 201
GET    /series/{id}                         A's      401 200 404 200 200
GET    /series/{id}                         own      401 200 200 200 200
GET    /series/{id}                         staff's  401 404 404 200 200
DELETE /series/{id}                         A's      401 200 404 200 200
DELETE /series/{id}                         own      401 200 200 200 200
DELETE /series/{id}                         staff's  401 404 404 200 200
GET    /visit-slots                         -        200 200 200 200 200
POST   /visits                              own      401 201 201 201 201
GET    /visits/{id}                         A's      401 200 404 200 200
GET    /visits/{id}                         own      401 200 200 200 200
GET    /visits/{id}                         staff's  401 404 404 200 200
DELETE /visits/{id}                         A's      401 200 404 200 200
DELETE /visits/{id}                         own      401 200 200 200 200
DELETE /visits/{id}                         staff's  401 404 404 200 200
POST   /waitlist                            own      401 201 201 201 201
GET    /waitlist                            own      401 200 200 200 200
DELETE /waitlist/{id}                       A's      401 200 404 200 200
DELETE /waitlist/{id}                       own      401 200 200 200 200
DELETE /waitlist/{id}                       staff's  401 404 404 200 200
GET    /offers                              own      401 200 200 200 200
POST   /offers/{id}/accept                  A's      401 200 404 404 404
POST   /offers/{id}/accept                  own      401 200 200 200 200
POST   /offers/{id}/accept                  staff's  401 404 404 200 404
POST   /offers/{id}/decline                 A's      401 200 404 404 404
POST   /offers/{id}/decline                 own      401 200 200 200 200
POST   /offers/{id}/decline                 staff's  401 404 404 200 404
GET    /dead-letters                        -        401 403 403 200 200
POST   /dead-letters/{id}/replay            -        401 403 403 200 200
GET    /location                            -        200 200 200 200 200
PUT    /location                            -        401 403 403 403 200
GET    /locations                           -        200 200 200 200 200
POST   /locations                           -        401 403 403 403 201
PUT    /locations/{id}                      -        401 403 403 403 200
GET    /closures                            -        200 200 200 200 200
POST   /closures                            -        401 403 403 201 201
DELETE /closures/{id}                       -        401 403 403 200 200
GET    /resources                           -        401 403 403 200 200
POST   /resources                           -        401 403 403 201 201
PUT    /resources/{id}                      -        401 403 403 200 200
DELETE /resources/{id}                      -        401 403 403 200 200
GET    /providers                           -        200 200 200 200 200
POST   /providers                           -        401 403 403 201 201
PUT    /providers/{id}                      -        401 403 403 200 200
DELETE /providers/{id}                      -        401 403 403 403 200
GET    /providers/{id}/days/{date}          -        401 403 403 200 200
PUT    /providers/{id}/days/{date}          -        401 403 403 200 200
DELETE /providers/{id}/days/{date}          -        401 403 403 200 200
GET    /providers/{id}/time-off             -        401 403 403 200 200
POST   /providers/{id}/time-off             -        401 403 403 201 201
DELETE /providers/{id}/time-off/{time_off}  -        401 403 403 200 200
GET    /availability/{date}                 -        401 403 403 200 200
POST   /availability                        -        401 403 403 201 201
DELETE /availability/{id}                   -        401 403 403 200 200
GET    /openapi.json                        -        200 200 200 200 200
GET    /docs                                -        200 200 200 200 200
GET    /                                    -        200 200 200 200 200
GET    /static/{name}                       -        200 200 200 200 200
GET    /sign-in                             -        200 200 200 200 200
GET    /sign-up                             -        200 200 200 200 200
GET    /book/{id}                           -        200 200 200 200 200
GET    /book/{id}/confirm                   -        303 200 200 200 200
POST   /book/{id}/confirm                   -        303 403 403 403 403
GET    /my                                  own      303 200 200 200 200
GET    /my/{id}/cancel                      A's      303 200 303 303 303
GET    /my/{id}/cancel                      own      303 200 200 200 200
POST   /my/{id}/cancel                      A's      303 403 403 403 403
POST   /auth/sign-in                        -        303 303 303 303 303
POST   /auth/sign-up                        -        303 303 303 303 303
POST   /auth/sign-out                       -        303 303 303 303 303
GET    /auth/renew                          -        303 303 303 303 303
"""
"""The pages know their visitor by the cookie; their forms are sent here without the value that proves the page."""


def rows() -> list[Row]:
    found = []
    for line in filter(None, TABLE.splitlines()):
        method, path, of, *statuses = line.split()
        found.append(Row(method, path, of, dict(zip(WHO, map(int, statuses), strict=True))))
    return found


ROWS = rows()
PUBLIC = {(row.method, row.path) for row in ROWS if row.statuses["anonymous"] < 300}
"""What anybody may have: a route is here by decision, never by accident."""
