-- What a script of a client sees. Gives a function that compiles scripts and one that runs them.
local call, protected_call, explain, encode, decode, null, sha1, set_protocol = ...
local getinfo, compile, set_environment = debug.getinfo, loadstring, setfenv
local raw_pcall, raw_xpcall = pcall, xpcall

-- What redis.call raises comes from outside of Lua.
local function as_table(problem)
  if type(problem) == 'userdata' then return {err = explain(problem), counted = true} end
  return problem
end

local function settle(fine, ...)
  if fine then return true, ... end
  return false, as_table(...)
end

local function error_table(text)
  if text:sub(1, 1) == '-' then text = text:sub(2) end
  if not text:find(' ') then text = 'ERR ' .. text end
  return {err = text}
end

local function single_text(...)
  if select('#', ...) ~= 1 or type(...) ~= 'string' then
    error({err = 'ERR wrong number or type of arguments'}, 0)
  end
  return ...
end

local redis = {
  LOG_DEBUG = 0, LOG_VERBOSE = 1, LOG_NOTICE = 2, LOG_WARNING = 3,
  REPL_ALL = 3, REPL_AOF = 1, REPL_SLAVE = 2, REPL_REPLICA = 2, REPL_NONE = 0,
  -- Not wrapped in Lua: a tail call would lose the line that an error names.
  call = call,
  pcall = protected_call,
  error_reply = function(...) return error_table(single_text(...)) end,
  status_reply = function(...) return {ok = single_text(...)} end,
  sha1hex = function(...)
    if select('#', ...) ~= 1 then error({err = 'ERR wrong number of arguments'}, 0) end
    return sha1(tostring((...)))
  end,
  log = function(level, ...)
    if type(level) ~= 'number' or select('#', ...) == 0 then
      error({err = 'ERR redis.log() requires two arguments or more.'}, 0)
    end
  end,
  setresp = function(...)
    local version = ...
    if select('#', ...) ~= 1 then
      error({err = 'ERR redis.setresp() requires one argument.'}, 0)
    end
    if tonumber(version) ~= 2 and tonumber(version) ~= 3 then
      error({err = 'ERR RESP version must be 2 or 3.'}, 0)
    end
    set_protocol(tonumber(version))
  end,
  set_repl = function() end,
  replicate_commands = function() return true end,
  breakpoint = function() return false end,
  debug = function() end,
}

local cjson = {
  null = null,
  encode = function(value)
    local fine, text = encode(value)
    if fine then return text end
    error(text, 2)
  end,
  decode = function(text)
    local fine, value = decode(text)
    if fine then return value end
    error(value, 2)
  end,
}

local shared = {
  assert = assert, collectgarbage = collectgarbage, coroutine = coroutine, error = error,
  gcinfo = gcinfo, getmetatable = getmetatable, ipairs = ipairs, math = math, next = next,
  pairs = pairs, rawequal = rawequal, rawget = rawget, rawset = rawset,
  select = select, setmetatable = setmetatable, string = string, table = table,
  tonumber = tonumber, tostring = tostring, type = type, unpack = unpack,
  _VERSION = _VERSION, redis = redis, cjson = cjson,
  pcall = function(...) return settle(raw_pcall(...)) end,
  xpcall = function(tried, handler)
    return raw_xpcall(tried, function(problem) return handler(as_table(problem)) end)
  end,
}

local environment = setmetatable({}, {
  __index = function(_, name)
    local value = shared[name]
    if value == nil then
      error("Script attempted to access nonexistent global variable '" .. tostring(name) .. "'", 2)
    end
    return value
  end,
  __newindex = function() error('Attempt to modify a readonly table', 2) end,
  __metatable = false,
})
shared._G = environment
shared.loadstring = function(text, name)
  local loaded, problem = compile(text, name)
  if loaded then set_environment(loaded, environment) end
  return loaded, problem
end
shared.load = shared.loadstring

local function place(problem)
  local line, level = 0, 2
  local info = getinfo(level, 'Sl')
  while info do
    if info.source == '@user_script' then
      line = info.currentline
      break
    end
    level = level + 1
    info = getinfo(level, 'Sl')
  end
  problem = as_table(problem)
  if type(problem) ~= 'table' then
    return {err = 'ERR ' .. tostring(problem), line = line}
  end
  return {err = problem.err or 'ERR unknown error', line = line, counted = problem.counted}
end

local function load_script(text)
  local loaded, problem = compile(text, '@user_script')
  if loaded then set_environment(loaded, environment) end
  return loaded, problem
end

local function run(script, keys, arguments)
  shared.KEYS, shared.ARGV = keys, arguments
  return raw_xpcall(script, place)
end

return load_script, run
