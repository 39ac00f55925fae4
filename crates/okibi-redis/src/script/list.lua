-- Where a list may be on another server than the record: adds the entry ARGV[3] until ARGV[2], drops what expired before
-- ARGV[1], and lets the list live as long as its last entry.
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[3])
redis.call('PEXPIREAT', KEYS[1], redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')[2])
return 1
