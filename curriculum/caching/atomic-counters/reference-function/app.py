"""The box office on FastAPI: the rules are functions that live in the engine."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import redis.asyncio as redis
import uvicorn
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel

LIBRARY = Path(__file__).with_name("boxoffice.lua")

# retry=None: an answer that got lost is not a request that failed. Sent again, it could sell twice.
valkey = redis.Redis.from_url(os.environ["VALKEY_URL"], decode_responses=True, socket_timeout=10, retry=None)
window = int(os.environ["ATTEMPT_WINDOW"])


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    await valkey.function_load(LIBRARY.read_text(), replace=True)
    yield
    await valkey.aclose()


app = FastAPI(lifespan=lifespan)


class Seats(BaseModel):
    seats: int


class Order(BaseModel):
    show: str
    user: str
    n: int


class Attempt(BaseModel):
    user: str


@app.put("/shows/{show}", status_code=204)
async def open_show(show: str, body: Seats) -> None:
    await valkey.hset(f"show:{show}", mapping={"left": body.seats, "sold": 0})


@app.get("/shows/{show}")
async def look(show: str) -> dict[str, int]:
    left, sold = await valkey.hmget(f"show:{show}", "left", "sold")
    if left is None or sold is None:
        raise HTTPException(404, "no such show")
    return {"left": int(left), "sold": int(sold)}


@app.post("/reserve")
async def reserve(order: Order) -> dict[str, int]:
    left = await valkey.fcall("reserve", 1, f"show:{order.show}", order.n)
    if left == "unknown":
        raise HTTPException(404, "no such show")
    if left == "refused":
        raise HTTPException(409, "not enough seats left")
    return {"left": left}


@app.post("/attempt")
async def attempt(body: Attempt) -> dict[str, str]:
    if not await valkey.fcall("attempt", 1, f"limit:{body.user}", window):
        raise HTTPException(429, "too many attempts")
    return {}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), log_level="warning")
