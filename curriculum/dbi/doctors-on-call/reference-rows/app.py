"""The roster on Django: whoever wants to leave locks everybody on call in that shift, always in the same order."""

from __future__ import annotations

import json
import os
from socketserver import ThreadingMixIn
from typing import Any
from urllib.parse import unquote, urlsplit
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import django
from django.conf import settings

url = urlsplit(os.environ["DATABASE_URL"])
settings.configure(
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "HOST": url.hostname,
            "PORT": url.port,
            "USER": unquote(url.username or ""),
            "PASSWORD": unquote(url.password or ""),
            "NAME": url.path.lstrip("/"),
            "OPTIONS": {"pool": {"min_size": 2, "max_size": 8, "timeout": 10}},
        }
    },
)
django.setup()

from django.core.wsgi import get_wsgi_application  # noqa: E402  settings come first
from django.db import connection, models, transaction  # noqa: E402
from django.http import HttpRequest, JsonResponse  # noqa: E402
from django.urls import path  # noqa: E402
from django.views.decorators.http import require_GET, require_POST  # noqa: E402


class Duty(models.Model):
    shift = models.TextField()
    doctor = models.TextField()
    on_call = models.BooleanField()

    class Meta:
        app_label = "roster"
        db_table = "duty"
        managed = False


@require_GET
def look(request: HttpRequest, shift: str) -> JsonResponse:
    doctors = list(Duty.objects.filter(shift=shift, on_call=True).order_by("doctor").values_list("doctor", flat=True))
    return JsonResponse({"on_call": doctors} if doctors else {"error": "no such shift"}, status=200 if doctors else 404)


@require_POST
def on(request: HttpRequest) -> JsonResponse:
    body = json.loads(request.body)
    Duty.objects.bulk_create(
        [Duty(shift=body["shift"], doctor=body["doctor"], on_call=True)],
        update_conflicts=True,
        unique_fields=["shift", "doctor"],
        update_fields=["on_call"],
    )
    return JsonResponse({})


@require_POST
@transaction.atomic
def off(request: HttpRequest) -> JsonResponse:
    body = json.loads(request.body)
    duties = Duty.objects.select_for_update().filter(shift=body["shift"], on_call=True).order_by("doctor")
    # Rows that were switched off while we waited for them are not in the result: Postgres looks again.
    mine = [duty for duty in duties if duty.doctor == body["doctor"]]
    if mine and len(duties) == 1:
        return JsonResponse({"error": "the last one stays"}, status=409)
    for duty in mine:
        duty.on_call = False
        duty.save(update_fields=["on_call"])
    return JsonResponse({})


urlpatterns = [path("shift/<str:shift>", look), path("on", on), path("off", off)]


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 64


class Handler(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


if __name__ == "__main__":
    connection.ensure_connection()
    connection.close()
    port = int(os.environ["PORT"])
    make_server("127.0.0.1", port, get_wsgi_application(), Server, Handler).serve_forever()
