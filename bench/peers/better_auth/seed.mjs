// Make the users, sessions and tokens of better-auth: node seed.mjs DIRECTORY USERS FILES REFRESHES SIGN_OUTS
// (see bench/seeding.py). It has no refresh tokens.
import { createHmac } from "node:crypto";
import { writeFileSync } from "node:fs";
import { getMigrations } from "better-auth/db/migration";
import { auth, hashed, pool, redis } from "./auth.mjs";

const [directory, ...numbers] = process.argv.slice(2);
const [users, files, , signOuts] = numbers.map(Number);
const password = process.env.BENCH_PASSWORD;
const { runMigrations } = await getMigrations(auth.options);
const context = await auth.$context;

function write(name, lines) {
  writeFileSync(`${directory}/${name}`, lines.join("\n"));
}

async function inTurn(amount, make) {
  const made = [];
  for (let first = 0; first < amount; first += 50) {
    const batch = Array.from({ length: Math.min(50, amount - first) }, (_, n) => make(first + n));
    made.push(...(await Promise.all(batch)));
  }
  return made;
}

function signed(token) {
  const signature = createHmac("sha256", context.secret).update(token).digest("base64");
  return encodeURIComponent(`${token}.${signature}`);
}

async function signIn(user) {
  return signed((await context.internalAdapter.createSession(user.id)).token);
}

async function withCopy(cookie) {
  // The cookie of the cookie cache, as the answer to a first request sets it.
  const headers = new Headers({ cookie: `better-auth.session_token=${cookie}` });
  const answer = await auth.api.getSession({ headers, returnHeaders: true });
  const copy = answer.headers.getSetCookie().find((one) => one.startsWith("better-auth.session_data="));
  return copy ? `${cookie}; ${copy.split(";")[0]}` : cookie;
}

async function jwtOf(cookie) {
  const headers = new Headers({ cookie: `better-auth.session_token=${cookie}` });
  return (await auth.api.getToken({ headers })).token;
}

await runMigrations();
const stored = await hashed(password);
const people = await inTurn(users, async (n) => {
  const email = `user${n}@example.com`;
  const user = await context.internalAdapter.createUser({ email, name: `user${n}`, emailVerified: true });
  const account = { userId: user.id, providerId: "credential", accountId: user.id, password: stored };
  await context.internalAdapter.linkAccount(account);
  return user;
});
const cookies = await inTurn(users, (n) => signIn(people[n]));
write("logins", people.map((user) => `${user.email}\t${password}`));
write("bearers", cookies);
write("sessions", await inTurn(users, (n) => withCopy(cookies[n])));
write("access", await inTurn(users, (n) => jwtOf(cookies[n])));
const spent = await inTurn(files * signOuts + 1, (n) => signIn(people[n % users]));
write("sign-out-single", spent.slice(0, 1));
for (let file = 0; file < files; file += 1) {
  write(`sign-out-${file}`, spent.slice(1 + file * signOuts, 1 + (file + 1) * signOuts));
}
await pool.end();
redis.disconnect();
