"""The roster on FastAPI and asyncpg: leaving a shift is serialised by an advisory lock named after the shift."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import uvicorn
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=2, max_size=8) as pool:
        app.state.pool = pool
        yield


app = FastAPI(lifespan=lifespan)


class Duty(BaseModel):
    shift: str
    doctor: str


async def doctors_on_call(db: Any, shift: str) -> list[str]:
    rows = await db.fetch("SELECT doctor FROM duty WHERE shift = $1 AND on_call ORDER BY doctor", shift)
    return [row["doctor"] for row in rows]


@app.get("/shift/{shift}")
async def look(shift: str) -> dict[str, list[str]]:
    on_call = await doctors_on_call(app.state.pool, shift)
    if not on_call:
        raise HTTPException(404, "no such shift")
    return {"on_call": on_call}


@app.post("/on")
async def on(duty: Duty) -> dict[str, str]:
    async with app.state.pool.acquire() as db, db.transaction():
        await db.execute("INSERT INTO shift (id) VALUES ($1) ON CONFLICT DO NOTHING", duty.shift)
        await db.execute(
            "INSERT INTO duty (shift, doctor, on_call) VALUES ($1, $2, true)"
            " ON CONFLICT (shift, doctor) DO UPDATE SET on_call = true",
            duty.shift,
            duty.doctor,
        )
    return {}


@app.post("/off")
async def off(duty: Duty) -> dict[str, str]:
    async with app.state.pool.acquire() as db, db.transaction():
        await db.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", duty.shift)
        on_call = await doctors_on_call(db, duty.shift)
        if on_call == [duty.doctor]:
            raise HTTPException(409, "the last one stays")
        await db.execute("UPDATE duty SET on_call = false WHERE shift = $1 AND doctor = $2", duty.shift, duty.doctor)
    return {}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), log_level="warning")
