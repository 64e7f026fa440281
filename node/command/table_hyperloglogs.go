package command

// The commands on HyperLogLogs.
var hyperLogLogSpecs = []Spec{
	{Name: "PFADD", Args: "key [element ...]", MinArgs: 1, MaxArgs: Unbounded, Keys: KeysFirst, Write: true, Fast: true, Grows: true, head: "k", tail: "v", Reply: ShapeInt, Since: "2.8.9",
		Summary: "Count elements, each once; reply whether the estimate may have changed.", Example: "PFADD visitors ann bob"},
	{Name: "PFCOUNT", Args: "key [key ...]", MinArgs: 1, MaxArgs: Unbounded, Keys: KeysAll, Together: true, tail: "k", Reply: ShapeInt, Since: "2.8.9",
		Summary: "Estimate how many different elements the keys have counted together.", Example: "PFCOUNT visitors"},
	{Name: "PFMERGE", Args: "destination [key ...]", MinArgs: 1, MaxArgs: Unbounded, Keys: KeysAll, Write: true, Together: true, Grows: true, tail: "k", Reply: ShapeStatus, Since: "2.8.9",
		Summary: "Let a key have counted what others have.", Example: "PFMERGE week monday tuesday"},
}
