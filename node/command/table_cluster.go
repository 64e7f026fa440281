package command

// The commands that look at the cluster. Where nothing else is said they reply
// JSON, see the types in package wire.
var clusterSpecs = []Spec{
	{Name: "PING", Args: "[text]", MinArgs: 0, MaxArgs: 1, Fast: true, Group: GroupConnection, head: "v", Reply: ShapeStatus, Since: "1.0.0",
		Summary: "Reply PONG, or the text.", Example: "PING"},
	{Name: "INSPECT", Args: "key", MinArgs: 1, MaxArgs: 1, Keys: KeysFirst, Prompt: true, head: "k",
		Summary: "Say what a key holds in every region, and why.", Example: "INSPECT user:1"},
	{Name: "RING", Args: "[key]", MinArgs: 0, MaxArgs: 1, Prompt: true, head: "k",
		Summary: "Say which node of the region has which share, and where a key lives.", Example: "RING user:1"},
	{Name: "REGIONS", MinArgs: 0, MaxArgs: 0, Prompt: true,
		Summary: "Say how the regions do, seen from here.", Example: "REGIONS"},
	{Name: "NODES", MinArgs: 0, MaxArgs: 0, Prompt: true,
		Summary: "Say how the nodes do.", Example: "NODES"},
	{Name: "LINK", Args: "LIST|PAUSE|RESUME [from] [to]", MinArgs: 1, MaxArgs: 3, Dangerous: true, head: "---",
		Summary: "List, stop or restart replication between regions; an empty name means all.", Example: "LINK PAUSE eu us"},
	{Name: "VERIFY", Args: "[limit]", MinArgs: 0, MaxArgs: 1, Dangerous: true, head: "-",
		Summary: "Say whether all holders hold the same, and name up to limit keys where not.", Example: "VERIFY 10"},
	{Name: "MEMBERS", MinArgs: 0, MaxArgs: 0, Prompt: true,
		Summary: "Reply the region's members, encoded, for clients that compute the ring.", Example: "MEMBERS"},
}

// The commands on keys that Redis does not have.
var ownSpecs = []Spec{
	{Name: "INVALIDATE", Args: "key [key ...]", MinArgs: 1, MaxArgs: Unbounded, Keys: KeysAll, Write: true, tail: "k", Reply: ShapeInt,
		Summary: "Remove keys and whatever was written to them before, in any region, seen or not; reply how many existed.", Example: "INVALIDATE user:1 user:2"},
	{Name: "MISS", Args: "key", MinArgs: 1, MaxArgs: 1, Keys: KeysFirst, Write: true, Fast: true, head: "k", Reply: ShapeArray,
		Summary: "Reply the string; or, when there is none, a token to fill it with, or how many milliseconds to wait for somebody who is loading it.", Example: "MISS user:1"},
	{Name: "FILL", Args: "key token value [EX s|PX ms|EXAT unix-s|PXAT unix-ms]", MinArgs: 3, MaxArgs: 5, Keys: KeysFirst, Write: true, Fast: true, Grows: true, head: "k-v", Reply: ShapeInt,
		Summary: "Set what was missing to a value that has been loaded since; reply 1 if it was taken, 0 if anything has happened to the key since, in any region.", Example: "FILL user:1 2s.1d6d8q0nabcd ann PX 60000"},
}

// The commands of nodes among themselves: what commands on several keys are made
// of.
var hiddenSpecs = []Spec{
	{Name: verbAlone, Args: "key verb [arg ...]", MinArgs: 2, MaxArgs: Unbounded, Keys: KeysWrapped, Write: true, Unsafe: true, Hidden: true, head: "k-", tail: "v",
		Summary: "Run a command on keys of one partition with nothing in between.", Example: ".ALONE {u}1 RENAME {u}1 {u}2"},
	{Name: verbGather, Args: "key verb [arg ...]", MinArgs: 2, MaxArgs: Unbounded, Keys: KeysWrapped, Hidden: true, head: "k-", tail: "v",
		Summary: "Run a command that only reads keys of one partition at one moment.", Example: ".GATHER {u}1 SUNION {u}1 {u}2"},
	{Name: verbDump, Args: "key [kind ...]", MinArgs: 1, MaxArgs: Unbounded, Keys: KeysFirst, Hidden: true, head: "k", Reply: ShapeArray,
		Summary: "Reply kind, expiry and content of a key that has one of the kinds.", Example: ".DUMP user:1 hash"},
	{Name: verbPut, Args: "key kind unix-ms [value ...]", MinArgs: 3, MaxArgs: Unbounded, Keys: KeysFirst, Write: true, Hidden: true, Grows: true, head: "k--", tail: "v", Reply: ShapeInt,
		Summary: "Replace a key by what .DUMP replied.", Example: ".PUT user:1 hash 1893456000000 name ann"},
	{Name: verbNew, Args: "key kind unix-ms [value ...]", MinArgs: 3, MaxArgs: Unbounded, Keys: KeysFirst, Write: true, Unsafe: true, Hidden: true, Grows: true, head: "k--", tail: "v", Reply: ShapeInt,
		Summary: "Do what .PUT does unless the key exists; reply whether it did.", Example: ".NEW user:1 hash 1893456000000 name ann"},
	{Name: verbDrop, Args: "key", MinArgs: 1, MaxArgs: 1, Keys: KeysFirst, Write: true, Hidden: true, head: "k", Reply: ShapeInt,
		Summary: "Remove a key.", Example: ".DROP user:1"},
	{Name: verbRotate, Args: "key from to", MinArgs: 3, MaxArgs: 3, Keys: KeysFirst, Write: true, Unsafe: true, Hidden: true, Grows: true, head: "k--",
		Summary: "Move an element from one end of a list to one of its ends and reply it.", Example: ".ROTATE jobs LEFT RIGHT"},
	{Name: verbRegisters, Args: "key", MinArgs: 1, MaxArgs: 1, Keys: KeysFirst, Hidden: true, head: "k",
		Summary: "Reply what a HyperLogLog has seen.", Example: ".REGISTERS visitors"},
	{Name: verbEstimate, Args: "key", MinArgs: 1, MaxArgs: 1, Keys: KeysFirst, Hidden: true, head: "k", Reply: ShapeInt,
		Summary: "Reply what a HyperLogLog estimates.", Example: ".ESTIMATE visitors"},
	{Name: verbRaise, Args: "key registers", MinArgs: 2, MaxArgs: 2, Keys: KeysFirst, Write: true, Hidden: true, Grows: true, head: "kv", Reply: ShapeStatus,
		Summary: "Let a HyperLogLog have seen what .REGISTERS replied.", Example: ".RAISE visitors registers"},
	{Name: verbObject, Args: "key what", MinArgs: 2, MaxArgs: 2, Keys: KeysFirst, Hidden: true, head: "k-",
		Summary: "Say how Redis would keep what a key holds.", Example: ".OBJECT user:1 ENCODING"},
	{Name: verbSize, Args: "key", MinArgs: 1, MaxArgs: 1, Keys: KeysFirst, Hidden: true, head: "k", Reply: ShapeInt,
		Summary: "Reply how many bytes a key takes.", Example: ".SIZE user:1"},
}

// The verbs of the hidden commands.
const (
	verbAlone     = ".ALONE"
	verbGather    = ".GATHER"
	verbDump      = ".DUMP"
	verbPut       = ".PUT"
	verbNew       = ".NEW"
	verbDrop      = ".DROP"
	verbRotate    = ".ROTATE"
	verbRegisters = ".REGISTERS"
	verbEstimate  = ".ESTIMATE"
	verbRaise     = ".RAISE"
	verbObject    = ".OBJECT"
	verbSize      = ".SIZE"
)
