package command

// The commands on the expiry of a hash's fields. What comes before their fields ends
// with FIELDS and a number.
var hashExpirySpecs = []Spec{
	{Name: "HEXPIRE", Args: "key seconds [NX | XX | GT | LT] FIELDS n field [field ...]", MinArgs: 5, MaxArgs: Unbounded, Keys: KeysFirst, Write: true, Fast: true, Grows: true, head: "k-", tail: "f", until: wordFields, Reply: ShapeArray, Since: "7.4.0",
		Summary: "Let fields expire; reply of each 1, 2 if its time had come and it was removed, 0 if the condition was not met, -2 if there is no such.", Example: "HEXPIRE user:1 60 FIELDS 1 token"},
	{Name: "HPEXPIRE", Args: "key milliseconds [NX | XX | GT | LT] FIELDS n field [field ...]", MinArgs: 5, MaxArgs: Unbounded, Keys: KeysFirst, Write: true, Fast: true, Grows: true, head: "k-", tail: "f", until: wordFields, Reply: ShapeArray, Since: "7.4.0",
		Summary: "Let fields expire, as HEXPIRE in milliseconds.", Example: "HPEXPIRE user:1 60000 GT FIELDS 1 token"},
	{Name: "HEXPIREAT", Args: "key unix-seconds [NX | XX | GT | LT] FIELDS n field [field ...]", MinArgs: 5, MaxArgs: Unbounded, Keys: KeysFirst, Write: true, Fast: true, Grows: true, head: "k-", tail: "f", until: wordFields, Reply: ShapeArray, Since: "7.4.0",
		Summary: "Let fields expire at a time, as HEXPIRE.", Example: "HEXPIREAT user:1 4102444800 FIELDS 1 token"},
	{Name: "HPEXPIREAT", Args: "key unix-milliseconds [NX | XX | GT | LT] FIELDS n field [field ...]", MinArgs: 5, MaxArgs: Unbounded, Keys: KeysFirst, Write: true, Fast: true, Grows: true, head: "k-", tail: "f", until: wordFields, Reply: ShapeArray, Since: "7.4.0",
		Summary: "Let fields expire at a time in milliseconds, as HEXPIRE.", Example: "HPEXPIREAT user:1 4102444800000 NX FIELDS 1 token"},
	{Name: "HTTL", Args: "key FIELDS n field [field ...]", MinArgs: 4, MaxArgs: Unbounded, Keys: KeysFirst, Fast: true, head: "k", tail: "f", until: wordFields, Reply: ShapeArray, Since: "7.4.0",
		Summary: "Reply in how many seconds fields expire, -1 for one that does not, -2 where there is none.", Example: "HTTL user:1 FIELDS 1 token"},
	{Name: "HPTTL", Args: "key FIELDS n field [field ...]", MinArgs: 4, MaxArgs: Unbounded, Keys: KeysFirst, Fast: true, head: "k", tail: "f", until: wordFields, Reply: ShapeArray, Since: "7.4.0",
		Summary: "Reply in how many milliseconds fields expire, as HTTL.", Example: "HPTTL user:1 FIELDS 1 token"},
	{Name: "HEXPIRETIME", Args: "key FIELDS n field [field ...]", MinArgs: 4, MaxArgs: Unbounded, Keys: KeysFirst, Fast: true, head: "k", tail: "f", until: wordFields, Reply: ShapeArray, Since: "7.4.0",
		Summary: "Reply at what time in seconds fields expire, as HTTL.", Example: "HEXPIRETIME user:1 FIELDS 1 token"},
	{Name: "HPEXPIRETIME", Args: "key FIELDS n field [field ...]", MinArgs: 4, MaxArgs: Unbounded, Keys: KeysFirst, Fast: true, head: "k", tail: "f", until: wordFields, Reply: ShapeArray, Since: "7.4.0",
		Summary: "Reply at what time in milliseconds fields expire, as HTTL.", Example: "HPEXPIRETIME user:1 FIELDS 1 token"},
	{Name: "HPERSIST", Args: "key FIELDS n field [field ...]", MinArgs: 4, MaxArgs: Unbounded, Keys: KeysFirst, Write: true, Fast: true, head: "k", tail: "f", until: wordFields, Reply: ShapeArray, Since: "7.4.0",
		Summary: "Take fields' expiry away; reply of each 1, -1 if it had none, -2 if there is no such.", Example: "HPERSIST user:1 FIELDS 1 token"},
	{Name: "HGETEX", Args: "key [EX s | PX ms | EXAT unix-s | PXAT unix-ms | PERSIST] FIELDS n field [field ...]", MinArgs: 4, MaxArgs: Unbounded, Keys: KeysFirst, Write: true, Fast: true, head: "k", tail: "f", until: wordFields, Reply: ShapeArray, Since: "8.0.0",
		Summary: "Reply fields' values and set or take away their expiry.", Example: "HGETEX user:1 EX 60 FIELDS 1 token"},
	{Name: "HSETEX", Args: "key [FNX | FXX] [EX s | PX ms | EXAT unix-s | PXAT unix-ms | KEEPTTL] FIELDS n field value [field value ...]", MinArgs: 5, MaxArgs: Unbounded, Keys: KeysFirst, Write: true, Fast: true, Grows: true, head: "k", tail: "fv", until: wordFields, Reply: ShapeInt, Since: "8.0.0",
		Summary: "Set fields that expire, if none (FNX) or all (FXX) of them exist; reply 1 if it was done.", Example: "HSETEX user:1 EX 60 FIELDS 1 token abc"},
	{Name: "HGETDEL", Args: "key FIELDS n field [field ...]", MinArgs: 4, MaxArgs: Unbounded, Keys: KeysFirst, Write: true, Unsafe: true, Fast: true, head: "k", tail: "f", until: wordFields, Reply: ShapeArray, Since: "8.0.0",
		Summary: "Reply fields' values and remove them.", Example: "HGETDEL user:1 FIELDS 1 token"},
}
