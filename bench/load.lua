-- Send the tokens of the file BENCH_TOKENS in turn, one token a request. The file has one token a line.
-- BENCH_CARRIER says where a request carries its token. `refresh`: in a JSON body, each token once; if
-- the tokens run out, the server refuses the next requests and the cell is invalid. `bearer`: in the
-- Authorization header. Any other value: in the cookie of that name.
local requests, turn = {}, 0
local carrier = os.getenv("BENCH_CARRIER")
local is_refresh = carrier == "refresh"

local function request_for(token)
  if is_refresh then
    return wrk.format("POST", nil, {["Content-Type"] = "application/json"},
      '{"refresh":"' .. token .. '"}')
  end
  if carrier == "bearer" then
    return wrk.format("GET", nil, {["Authorization"] = "Bearer " .. token})
  end
  return wrk.format("GET", nil, {["Cookie"] = carrier .. "=" .. token})
end

function init(args)
  for token in io.lines(os.getenv("BENCH_TOKENS")) do
    requests[#requests + 1] = request_for(token)
  end
end

function request()
  turn = turn + 1
  if is_refresh and turn > #requests then
    return request_for("no-tokens-left")
  end
  return requests[(turn - 1) % #requests + 1]
end

function done(summary, latency, _)
  local e = summary.errors
  io.write(string.format(
    'RESULT {"requests": %d, "microseconds": %d, "bad": %d, "p50": %d, "p99": %d}\n',
    summary.requests, summary.duration, e.status + e.connect + e.read + e.write + e.timeout,
    latency:percentile(50), latency:percentile(99)))
end
