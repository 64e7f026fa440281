package resp

// category is a set of the categories of commands that ACL rules name.
type category uint32

const (
	catKeyspace category = 1 << iota
	catRead
	catWrite
	catSet
	catSortedSet
	catList
	catHash
	catString
	catBitmap
	catHyperLogLog
	catPubSub
	catAdmin
	catFast
	catSlow
	catBlocking
	catDangerous
	catConnection
	catTransaction
)

// categoryNames are the names of the categories, in the order of their bits.
var categoryNames = []string{
	"keyspace", "read", "write", "set", "sortedset", "list", "hash", "string", "bitmap", "hyperloglog",
	"pubsub", "admin", "fast", "slow", "blocking", "dangerous", "connection", "transaction",
}

// categoryOf returns the category of a name, zero when there is none.
func categoryOf(name string) category {
	for i, n := range categoryNames {
		if n == name {
			return 1 << i
		}
	}
	return 0
}

// names returns the names of the categories in a set.
func (c category) names() []string {
	var out []string
	for i, n := range categoryNames {
		if c&(1<<i) != 0 {
			out = append(out, n)
		}
	}
	return out
}
