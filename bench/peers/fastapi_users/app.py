"""Follow the full example of FastAPI-Users with SQLAlchemy, and its pages *JWT*, *Redis* and *Password hash*.

JWTs by Bearer, and a second backend: a cookie whose tokens are in Redis.
"""

import os
import uuid
from collections.abc import AsyncGenerator

import redis.asyncio
from fastapi import Depends, FastAPI
from fastapi_users import BaseUserManager, FastAPIUsers, UUIDIDMixin, schemas
from fastapi_users.authentication import (
    AuthenticationBackend,
    BearerTransport,
    CookieTransport,
    JWTStrategy,
    RedisStrategy,
)
from fastapi_users.db import SQLAlchemyBaseUserTableUUID, SQLAlchemyUserDatabase
from fastapi_users.password import PasswordHelper
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase

SECRET = "fastapi-users" * 4
DATABASE = os.environ["APP_DATABASE_URL"].replace("postgres://", "postgresql+asyncpg://")
HOUR = 3600
# The same cost as ours (`accounts.people.hashers`).
passwords = PasswordHelper(
    PasswordHash((Argon2Hasher(time_cost=2, memory_cost=19 * 1024, parallelism=1),))
)


class Base(DeclarativeBase):
    pass


class User(SQLAlchemyBaseUserTableUUID, Base):
    pass


engine = create_async_engine(DATABASE)
new_session = async_sessionmaker(engine, expire_on_commit=False)
store = redis.asyncio.from_url(os.environ["APP_REDIS_URL"], decode_responses=True)


async def get_session() -> AsyncGenerator[AsyncSession, None]:
    async with new_session() as session:
        yield session


async def get_users(session: AsyncSession = Depends(get_session)):  # noqa: B008 - FastAPI's way
    yield SQLAlchemyUserDatabase(session, User)


class Manager(UUIDIDMixin, BaseUserManager[User, uuid.UUID]):
    reset_password_token_secret = SECRET
    verification_token_secret = SECRET


async def get_manager(users=Depends(get_users)):  # noqa: B008 - FastAPI's way
    yield Manager(users, passwords)


def jwts() -> JWTStrategy:
    return JWTStrategy(secret=SECRET, lifetime_seconds=HOUR)


def tokens_in_redis() -> RedisStrategy:
    return RedisStrategy(store, lifetime_seconds=HOUR)


by_jwt = AuthenticationBackend("jwt", BearerTransport("auth/jwt/login"), jwts)
by_cookie = AuthenticationBackend("cookie", CookieTransport(cookie_max_age=HOUR), tokens_in_redis)
fastapi_users = FastAPIUsers[User, uuid.UUID](get_manager, [by_jwt, by_cookie])

app = FastAPI()
app.include_router(fastapi_users.get_auth_router(by_jwt), prefix="/auth/jwt")
app.include_router(fastapi_users.get_auth_router(by_cookie), prefix="/auth/cookie")
app.include_router(
    fastapi_users.get_users_router(schemas.BaseUser[uuid.UUID], schemas.BaseUserUpdate),
    prefix="/users",
)
