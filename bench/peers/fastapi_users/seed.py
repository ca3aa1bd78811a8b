"""Make the users and tokens of FastAPI-Users: `python -m bench.peers.fastapi_users.seed`."""

import asyncio
from collections.abc import Sequence

from sqlalchemy import select

from bench.peers.fastapi_users import app
from bench.seeding import PASSWORD, Plan


async def main(plan: Plan) -> None:
    users = await _sign_up(plan.users)
    plan.write("logins", (f"{user.email}\t{PASSWORD}" for user in users))
    plan.write("access", [await app.jwts().write_token(user) for user in users])
    plan.write("sessions", await _cookies(users, len(users)))
    plan.write_once("sign-out", await _cookies(users, plan.total("sign-out")))
    await app.store.aclose()
    await app.engine.dispose()


async def _sign_up(amount: int) -> Sequence[app.User]:
    async with app.engine.begin() as connection:
        await connection.run_sync(app.Base.metadata.create_all)
    password = app.passwords.hash(PASSWORD)
    async with app.new_session() as session:
        session.add_all(
            app.User(email=f"user{n}@example.com", hashed_password=password) for n in range(amount)
        )
        await session.commit()
        return (await session.scalars(select(app.User).order_by(app.User.email))).all()


async def _cookies(users: Sequence[app.User], amount: int) -> list[str]:
    strategy = app.tokens_in_redis()
    return [await strategy.write_token(users[n % len(users)]) for n in range(amount)]


if __name__ == "__main__":
    asyncio.run(main(Plan.from_arguments()))
