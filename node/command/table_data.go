package command

// The commands on keys of any kind.
var keySpecs = []Spec{
	{Name: "DEL", Args: "key [key ...]", MinArgs: 1, MaxArgs: Unbounded, Keys: KeysAll, Write: true, tail: "k",
		Summary: "Remove keys; reply how many existed.", Example: "DEL user:1 user:2"},
	{Name: "EXISTS", Args: "key [key ...]", MinArgs: 1, MaxArgs: Unbounded, Keys: KeysAll, tail: "k",
		Summary: "Count the keys that exist, each as often as it is named.", Example: "EXISTS user:1"},
	{Name: "TYPE", Args: "key", MinArgs: 1, MaxArgs: 1, Keys: KeysFirst, head: "k",
		Summary: "Reply the kind of the value: none, string, hash, set or zset.", Example: "TYPE user:1"},
	{Name: "PEXPIRE", Args: "key ms", MinArgs: 2, MaxArgs: 2, Keys: KeysFirst, Write: true, head: "k-",
		Summary: "Let the key expire in so many milliseconds.", Example: "PEXPIRE user:1 60000"},
	{Name: "PEXPIREAT", Args: "key unix-ms", MinArgs: 2, MaxArgs: 2, Keys: KeysFirst, Write: true, head: "k-",
		Summary: "Let the key expire at a time in milliseconds since 1970.", Example: "PEXPIREAT user:1 1893456000000"},
	{Name: "PTTL", Args: "key", MinArgs: 1, MaxArgs: 1, Keys: KeysFirst, head: "k",
		Summary: "Reply the milliseconds until the key expires, -1 if it does not, -2 if there is no such key.", Example: "PTTL user:1"},
	{Name: "PEXPIRETIME", Args: "key", MinArgs: 1, MaxArgs: 1, Keys: KeysFirst, head: "k",
		Summary: "Reply when the key expires in milliseconds since 1970, -1 if it does not, -2 if there is no such key.", Example: "PEXPIRETIME user:1"},
	{Name: "PERSIST", Args: "key", MinArgs: 1, MaxArgs: 1, Keys: KeysFirst, Write: true, head: "k",
		Summary: "Take the key's expiry away; reply 1 if it had one.", Example: "PERSIST user:1"},
	{Name: "SCAN", Args: "cursor [MATCH glob] [COUNT n] [TYPE kind]", MinArgs: 1, MaxArgs: Unbounded, head: "-",
		Summary: "Reply the next cursor and some of the region's keys; the cursor 0 begins and ends.", Example: "SCAN 0 MATCH 'user:*' COUNT 100"},
}

// The commands on strings and the counters in them.
var stringSpecs = []Spec{
	{Name: "GET", Args: "key", MinArgs: 1, MaxArgs: 1, Keys: KeysFirst, head: "k",
		Summary: "Reply the string.", Example: "GET user:1"},
	{Name: "SET", Args: "key value [PX ms|PXAT unix-ms] [NX|XX]", MinArgs: 2, MaxArgs: Unbounded, Keys: KeysFirst, Write: true, head: "kv",
		Summary: "Replace the key by a string, only if there is none (NX) or one (XX).", Example: "SET user:1 ann PX 60000"},
	{Name: "INCRBY", Args: "key n", MinArgs: 2, MaxArgs: 2, Keys: KeysFirst, Write: true, Unsafe: true, head: "k-",
		Summary: "Add an integer; reply the sum.", Example: "INCRBY visits 1"},
	{Name: "INCRBYFLOAT", Args: "key x", MinArgs: 2, MaxArgs: 2, Keys: KeysFirst, Write: true, Unsafe: true, head: "k-",
		Summary: "Add a number; reply the sum.", Example: "INCRBYFLOAT litres 0.5"},
	{Name: "MGET", Args: "key [key ...]", MinArgs: 1, MaxArgs: Unbounded, Keys: KeysAll, tail: "k",
		Summary: "Reply the strings, nil where there is none.", Example: "MGET user:1 user:2"},
	{Name: "MSET", Args: "key value [key value ...]", MinArgs: 2, MaxArgs: Unbounded, Keys: KeysPairs, Write: true, tail: "kv",
		Summary: "Set strings, each on its own: there is no atomicity over keys.", Example: "MSET user:1 ann user:2 bob"},
}

// The commands on hashes.
var hashSpecs = []Spec{
	{Name: "HSET", Args: "key field value [field value ...]", MinArgs: 3, MaxArgs: Unbounded, Keys: KeysFirst, Write: true, head: "k", tail: "fv",
		Summary: "Set fields; reply how many are new.", Example: "HSET user:1 name ann age 7"},
	{Name: "HGET", Args: "key field", MinArgs: 2, MaxArgs: 2, Keys: KeysFirst, head: "kf",
		Summary: "Reply a field's value.", Example: "HGET user:1 name"},
	{Name: "HMGET", Args: "key field [field ...]", MinArgs: 2, MaxArgs: Unbounded, Keys: KeysFirst, head: "k", tail: "f",
		Summary: "Reply fields' values, nil where there is none.", Example: "HMGET user:1 name age"},
	{Name: "HGETALL", Args: "key", MinArgs: 1, MaxArgs: 1, Keys: KeysFirst, head: "k",
		Summary: "Reply all fields and values in turns, by field.", Example: "HGETALL user:1"},
	{Name: "HDEL", Args: "key field [field ...]", MinArgs: 2, MaxArgs: Unbounded, Keys: KeysFirst, Write: true, head: "k", tail: "f",
		Summary: "Remove fields; reply how many existed.", Example: "HDEL user:1 age"},
	{Name: "HLEN", Args: "key", MinArgs: 1, MaxArgs: 1, Keys: KeysFirst, head: "k",
		Summary: "Reply the number of fields.", Example: "HLEN user:1"},
	{Name: "HEXISTS", Args: "key field", MinArgs: 2, MaxArgs: 2, Keys: KeysFirst, head: "kf",
		Summary: "Reply 1 if there is such a field.", Example: "HEXISTS user:1 name"},
	{Name: "HINCRBY", Args: "key field n", MinArgs: 3, MaxArgs: 3, Keys: KeysFirst, Write: true, Unsafe: true, head: "kf-",
		Summary: "Add an integer to a field; reply the sum.", Example: "HINCRBY user:1 age 1"},
	{Name: "HINCRBYFLOAT", Args: "key field x", MinArgs: 3, MaxArgs: 3, Keys: KeysFirst, Write: true, Unsafe: true, head: "kf-",
		Summary: "Add a number to a field; reply the sum.", Example: "HINCRBYFLOAT user:1 height 0.1"},
}

// The commands on sets.
var setSpecs = []Spec{
	{Name: "SADD", Args: "key member [member ...]", MinArgs: 2, MaxArgs: Unbounded, Keys: KeysFirst, Write: true, head: "k", tail: "f",
		Summary: "Add members; reply how many are new.", Example: "SADD tags red blue"},
	{Name: "SREM", Args: "key member [member ...]", MinArgs: 2, MaxArgs: Unbounded, Keys: KeysFirst, Write: true, head: "k", tail: "f",
		Summary: "Remove members; reply how many existed.", Example: "SREM tags red"},
	{Name: "SMEMBERS", Args: "key", MinArgs: 1, MaxArgs: 1, Keys: KeysFirst, head: "k",
		Summary: "Reply all members, sorted.", Example: "SMEMBERS tags"},
	{Name: "SISMEMBER", Args: "key member", MinArgs: 2, MaxArgs: 2, Keys: KeysFirst, head: "kf",
		Summary: "Reply 1 if there is such a member.", Example: "SISMEMBER tags red"},
	{Name: "SCARD", Args: "key", MinArgs: 1, MaxArgs: 1, Keys: KeysFirst, head: "k",
		Summary: "Reply the number of members.", Example: "SCARD tags"},
}

// The commands on sorted sets.
var zsetSpecs = []Spec{
	{Name: "ZADD", Args: "key score member [score member ...]", MinArgs: 3, MaxArgs: Unbounded, Keys: KeysFirst, Write: true, head: "k", tail: "-f",
		Summary: "Give members scores; reply how many are new.", Example: "ZADD board 10 ann 7.5 bob"},
	{Name: "ZREM", Args: "key member [member ...]", MinArgs: 2, MaxArgs: Unbounded, Keys: KeysFirst, Write: true, head: "k", tail: "f",
		Summary: "Remove members; reply how many existed.", Example: "ZREM board ann"},
	{Name: "ZSCORE", Args: "key member", MinArgs: 2, MaxArgs: 2, Keys: KeysFirst, head: "kf",
		Summary: "Reply a member's score.", Example: "ZSCORE board ann"},
	{Name: "ZINCRBY", Args: "key x member", MinArgs: 3, MaxArgs: 3, Keys: KeysFirst, Write: true, Unsafe: true, head: "k-f",
		Summary: "Add a number to a member's score; reply the sum.", Example: "ZINCRBY board 2.5 ann"},
	{Name: "ZRANGE", Args: "key start stop [BYSCORE] [REV] [LIMIT offset count] [WITHSCORES]", MinArgs: 3, MaxArgs: Unbounded, Keys: KeysFirst, head: "k--",
		Summary: "Reply the members between two positions or two scores, in order.", Example: "ZRANGE board 0 9 REV WITHSCORES"},
	{Name: "ZCARD", Args: "key", MinArgs: 1, MaxArgs: 1, Keys: KeysFirst, head: "k",
		Summary: "Reply the number of members.", Example: "ZCARD board"},
}

// The commands that look at the cluster. Where nothing else is said they reply
// JSON, see the types in package wire.
var clusterSpecs = []Spec{
	{Name: "PING", Args: "[text]", MinArgs: 0, MaxArgs: 1, head: "v",
		Summary: "Reply PONG, or the text.", Example: "PING"},
	{Name: "INSPECT", Args: "key", MinArgs: 1, MaxArgs: 1, Keys: KeysFirst, head: "k",
		Summary: "Say what a key holds in every region, and why.", Example: "INSPECT user:1"},
	{Name: "RING", Args: "[key]", MinArgs: 0, MaxArgs: 1, head: "k",
		Summary: "Say which node of the region has which share, and where a key lives.", Example: "RING user:1"},
	{Name: "REGIONS", MinArgs: 0, MaxArgs: 0,
		Summary: "Say how the regions do, seen from here.", Example: "REGIONS"},
	{Name: "NODES", MinArgs: 0, MaxArgs: 0,
		Summary: "Say how the nodes do.", Example: "NODES"},
	{Name: "LINK", Args: "LIST|PAUSE|RESUME [from] [to]", MinArgs: 1, MaxArgs: 3, head: "---",
		Summary: "List, stop or restart replication between regions; an empty name means all.", Example: "LINK PAUSE eu us"},
	{Name: "VERIFY", Args: "[limit]", MinArgs: 0, MaxArgs: 1, head: "-",
		Summary: "Say whether all holders hold the same, and name up to limit keys where not.", Example: "VERIFY 10"},
	{Name: "MEMBERS", MinArgs: 0, MaxArgs: 0,
		Summary: "Reply the region's members, encoded, for clients that compute the ring.", Example: "MEMBERS"},
}
