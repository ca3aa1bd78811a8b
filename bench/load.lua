-- Send the requests of one cell, with the tokens of the file BENCH_TOKENS in turn: one line a request, its
-- columns separated by tabs. `bench/loads.py` describes the variables BENCH_*. In headers and body, {1} and
-- {2} stand for the columns, and {ip} for an address that belongs to the line.
-- BENCH_ONCE=1: each line once. If they run out, the server refuses the next requests, and the cell is invalid.
local requests, threads, turn = {}, {}, 0
local once = os.getenv("BENCH_ONCE") == "1"
local wanted = tonumber(os.getenv("BENCH_STATUS"))
local body = os.getenv("BENCH_BODY")
wrong = 0

local function request_for(line, number)
  local values = {ip = string.format("10.%d.%d.%d", number / 65536 % 256, number / 256 % 256, number % 256)}
  for column in line:gmatch("[^\t]+") do
    values[tostring(#values + 1)] = column
    values[#values + 1] = column
  end
  local headers = {}
  for name, value in os.getenv("BENCH_HEADERS"):gmatch("([^\n:]+): ([^\n]*)") do
    headers[name] = value:gsub("{(%w+)}", values)
  end
  return wrk.format(os.getenv("BENCH_METHOD"), nil, headers, body ~= "" and body:gsub("{(%w+)}", values) or nil)
end

function setup(thread)
  threads[#threads + 1] = thread
end

function init(args)
  for line in io.lines(os.getenv("BENCH_TOKENS")) do
    requests[#requests + 1] = request_for(line, #requests + 1)
  end
end

function request()
  turn = turn + 1
  if once and turn > #requests then
    return request_for("no-tokens-left\tno-tokens-left", turn)
  end
  return requests[(turn - 1) % #requests + 1]
end

-- wrk counts each status above 399 as an error. Only a cell that expects one needs to look at each answer.
if wanted > 399 then
  function response(status)
    if status ~= wanted then wrong = wrong + 1 end
  end
end

function done(summary, latency, _)
  local e = summary.errors
  local bad = e.connect + e.read + e.write + e.timeout
  if wanted > 399 then
    for _, thread in ipairs(threads) do bad = bad + thread:get("wrong") end
  else
    bad = bad + e.status
  end
  io.write(string.format(
    'RESULT {"requests": %d, "microseconds": %d, "bad": %d, "p50": %d, "p99": %d}\n',
    summary.requests, summary.duration, bad, latency:percentile(50), latency:percentile(99)))
end
