-- For a list that may be on another server than the record: adds the entry ARGV[3] with the expiry
-- ARGV[2], removes entries that expired before ARGV[1], and sets the list's expiry to that of its
-- last entry.
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[3])
redis.call('PEXPIREAT', KEYS[1], redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')[2])
return 1
