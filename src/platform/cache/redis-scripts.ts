/**
 * A value is a hash with the versions that its tags had when it was kept; it counts only while they are the same.
 * Tags whose version is missing, because it expired or was evicted, match nothing. The epoch is the version of all.
 */

const NOW = `
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000000 + time[2])`;

/** KEYS: value, epoch. ARGV: prefix of tags, a new epoch. Answers value, versions, life; or the epoch and the time. */
export const READ = `${NOW}
local epoch = redis.call('GET', KEYS[2])
if not epoch then
  epoch = ARGV[2]
  redis.call('SET', KEYS[2], epoch)
end
local entry = redis.call('HMGET', KEYS[1], 'epoch', 'versions', 'value')
if not entry[3] or entry[1] ~= epoch then return { epoch, now } end
for tag, version in string.gmatch(entry[2], '(%S+)=(%S+)') do
  if redis.call('GET', ARGV[1] .. tag) ~= version then return { epoch, now } end
end
return { entry[3], entry[2], redis.call('PTTL', KEYS[1]) }`;

/**
 * KEYS: value, epoch. ARGV: prefix of tags, epoch and time of when the load began, life of the value since then and
 * of tags, something unique, value, tags. Keeps nothing when a tag was invalidated since the load began.
 */
export const WRITE = `${NOW}
if redis.call('GET', KEYS[2]) ~= ARGV[2] then return 0 end
local versions = {}
for n = 8, #ARGV do
  local key = ARGV[1] .. ARGV[n]
  local version = redis.call('GET', key)
  if not version then
    version = '0.' .. now .. '.' .. ARGV[6]
    redis.call('SET', key, version, 'PX', ARGV[5])
  elseif tonumber(string.match(version, '^%d+')) >= tonumber(ARGV[3]) then
    return 0
  else
    redis.call('PEXPIRE', key, ARGV[5])
  end
  versions[#versions + 1] = ARGV[n] .. '=' .. version
end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'epoch', ARGV[2], 'versions', table.concat(versions, ' '), 'value', ARGV[7])
redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', ARGV[3] / 1000 + ARGV[4]))
return 1`;

/** KEYS: tags. ARGV: life of tags, something unique. */
export const INVALIDATE = `${NOW}
for _, key in ipairs(KEYS) do redis.call('SET', key, now .. '.' .. ARGV[2], 'PX', ARGV[1]) end
return 1`;

/** KEYS: epoch. ARGV: a new one. */
export const FORGET = `redis.call('SET', KEYS[1], ARGV[1]) return 1`;
