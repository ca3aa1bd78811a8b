// Follow better-auth's pages Installation, PostgreSQL, Redis storage, Email & Password, Bearer and JWT.
// BETTER_AUTH_COOKIE_CACHE=1 also follows Session management › Cookie cache.
import { hash, verify } from "@node-rs/argon2";
import { redisStorage } from "@better-auth/redis-storage";
import { betterAuth } from "better-auth";
import { bearer, jwt } from "better-auth/plugins";
import Redis from "ioredis";
import pg from "pg";

const redisURL = new URL(process.env.APP_REDIS_URL);
export const redis = new Redis({
  path: redisURL.pathname,
  db: Number(redisURL.searchParams.get("db")),
});
export const pool = new pg.Pool({ connectionString: process.env.APP_DATABASE_URL });
// The same cost as ours (accounts/people/hashers.py), by the package that its page names.
const cost = { memoryCost: 19 * 1024, timeCost: 2, parallelism: 1 };
export const hashed = (password) => hash(password, cost);

export const auth = betterAuth({
  database: pool,
  secondaryStorage: redisStorage({ client: redis }),
  emailAndPassword: {
    enabled: true,
    password: { hash: hashed, verify: ({ hash: stored, password }) => verify(stored, password) },
  },
  // A browser takes a new copy from each answer. The cookies of a load stay as they are, so they must
  // live as long as the bench.
  session: { cookieCache: { enabled: process.env.BETTER_AUTH_COOKIE_CACHE === "1", maxAge: 3600 } },
  // Its limits stay on. Each user of the load has an address of its own.
  advanced: { ipAddress: { ipAddressHeaders: ["x-forwarded-for"] } },
  plugins: [bearer(), jwt({ disableSettingJwtHeader: true, jwt: { expirationTime: "1h" } })],
  telemetry: { enabled: false },
});
