package command

import "context"

func saddCall(key string, members []string) call[int] {
	return newCallIf(len(members), asInt, append([]string{"SADD", key}, members...)...)
}

func sremCall(key string, members []string) call[int] {
	return newCallIf(len(members), asInt, append([]string{"SREM", key}, members...)...)
}

func smembersCall(key string) call[[]string] {
	return newCall(asListOf(-1, asText), "SMEMBERS", key)
}

func sismemberCall(key, member string) call[bool] {
	return newCall(asBool, "SISMEMBER", key, member)
}

func scardCall(key string) call[int] { return newCall(asInt, "SCARD", key) }

// SAdd adds members to a set and returns how many are new. A member added beside
// a removal that had not seen it stays. The members of one call become visible
// together. After a retry the number can be too small.
func (a *API) SAdd(ctx context.Context, key string, members ...string) (added int, err error) {
	return run(ctx, a, saddCall(key, members))
}

// SRem removes members as far as the node that runs it has seen them, and
// returns how many existed. A set without members does not exist. After a retry
// the number can be too small.
func (a *API) SRem(ctx context.Context, key string, members ...string) (int, error) {
	return run(ctx, a, sremCall(key, members))
}

// SMembers returns all members, sorted, none if there is no such key.
func (a *API) SMembers(ctx context.Context, key string) ([]string, error) {
	return run(ctx, a, smembersCall(key))
}

// SIsMember reports whether there is such a member.
func (a *API) SIsMember(ctx context.Context, key, member string) (bool, error) {
	return run(ctx, a, sismemberCall(key, member))
}

// SCard returns the number of members, zero if there is no such key.
func (a *API) SCard(ctx context.Context, key string) (int, error) {
	return run(ctx, a, scardCall(key))
}

// SAdd collects [API.SAdd].
func (b *Batch) SAdd(key string, members ...string) *Future[int] {
	return add(b, saddCall(key, members))
}

// SRem collects [API.SRem].
func (b *Batch) SRem(key string, members ...string) *Future[int] {
	return add(b, sremCall(key, members))
}

// SMembers collects [API.SMembers].
func (b *Batch) SMembers(key string) *Future[[]string] { return add(b, smembersCall(key)) }

// SIsMember collects [API.SIsMember].
func (b *Batch) SIsMember(key, member string) *Future[bool] {
	return add(b, sismemberCall(key, member))
}

// SCard collects [API.SCard].
func (b *Batch) SCard(key string) *Future[int] { return add(b, scardCall(key)) }
