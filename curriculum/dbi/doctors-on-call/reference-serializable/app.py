"""The roster on Flask and SQLAlchemy: plain code, the strictest level, and whoever is turned away tries again."""

from __future__ import annotations

import logging
import os
import random
import time
from collections.abc import Callable
from typing import Any

from flask import Flask, request
from sqlalchemy import Boolean, ForeignKey, String, create_engine, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from werkzeug.serving import WSGIRequestHandler

TRY_AGAIN = {"40001", "40P01"}  # serialization failure, deadlock: nothing happened
PATIENCE = 3.0  # s

app = Flask(__name__)
engine = create_engine(
    os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://", 1),
    isolation_level="SERIALIZABLE",
    pool_size=8,
)

Answer = tuple[dict[str, Any], int]


class Base(DeclarativeBase):
    pass


class Shift(Base):
    __tablename__ = "shift"
    id: Mapped[str] = mapped_column(String, primary_key=True)


class Duty(Base):
    __tablename__ = "duty"
    shift: Mapped[str] = mapped_column(ForeignKey("shift.id"), primary_key=True)
    doctor: Mapped[str] = mapped_column(String, primary_key=True)
    on_call: Mapped[bool] = mapped_column(Boolean)


def transaction(work: Callable[[Session], Answer]) -> Answer | tuple[dict[str, Any], int, dict[str, str]]:
    """Run `work` until it commits."""
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends:
        try:
            with Session(engine) as session, session.begin():
                return work(session)
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", "") not in TRY_AGAIN:
                raise
            time.sleep(random.uniform(0.001, 0.01))
    return {"error": "too much going on"}, 503, {"Retry-After": "1"}


def on_duty(session: Session, shift: str) -> list[Duty]:
    return list(session.scalars(select(Duty).where(Duty.shift == shift, Duty.on_call).order_by(Duty.doctor)))


@app.get("/shift/<shift>")
def look(shift: str) -> Any:
    def work(session: Session) -> Answer:
        on_call = [duty.doctor for duty in on_duty(session, shift)]
        return ({"on_call": on_call}, 200) if on_call else ({"error": "no such shift"}, 404)

    return transaction(work)


@app.post("/on")
def on() -> Any:
    shift, doctor = request.json["shift"], request.json["doctor"]

    def work(session: Session) -> Answer:
        session.execute(insert(Shift).values(id=shift).on_conflict_do_nothing())
        duty = insert(Duty).values(shift=shift, doctor=doctor, on_call=True)
        session.execute(duty.on_conflict_do_update(index_elements=["shift", "doctor"], set_={"on_call": True}))
        return {}, 200

    return transaction(work)


@app.post("/off")
def off() -> Any:
    shift, doctor = request.json["shift"], request.json["doctor"]

    def work(session: Session) -> Answer:
        duties = on_duty(session, shift)
        mine = next((duty for duty in duties if duty.doctor == doctor), None)
        if mine is None:
            return {}, 200
        if len(duties) == 1:
            return {"error": "the last one stays"}, 409
        mine.on_call = False
        return {}, 200

    return transaction(work)


if __name__ == "__main__":
    engine.connect().close()
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    WSGIRequestHandler.protocol_version = "HTTP/1.1"  # keep connections open between requests
    app.run(host="127.0.0.1", port=int(os.environ["PORT"]), threaded=True)
