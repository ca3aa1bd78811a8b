// Serve better-auth by Node's own server, and a route that verifies its JWTs as its page JWT shows: with
// jose, from the key set, without a request to better-auth.
import http from "node:http";
import { toNodeHandler } from "better-auth/node";
import { createLocalJWKSet, jwtVerify } from "jose";
import { auth } from "./auth.mjs";

const handler = toNodeHandler(auth);
const keys = createLocalJWKSet(await auth.api.getJwks());
const issuer = process.env.BETTER_AUTH_URL;

async function verify(request, response) {
  try {
    const token = (request.headers.authorization ?? "").replace(/^Bearer /, "");
    const { payload } = await jwtVerify(token, keys, { issuer, audience: issuer });
    response.setHeader("Content-Type", "application/json").end(JSON.stringify({ sub: payload.sub }));
  } catch {
    response.writeHead(401).end();
  }
}

http
  .createServer((request, response) =>
    request.url === "/verify" ? verify(request, response) : handler(request, response),
  )
  .listen(Number(process.env.PORT), "127.0.0.1");
