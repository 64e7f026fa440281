package region

import "strings"

// wordChannel is the word of the subjects of messages between clients.
const wordChannel = "pub"

// Channel is where messages that clients publish to a channel travel, in all
// regions. A name that does not fit is treated as KV does a key.
func (s Subjects) Channel(name string) string {
	return s.global(wordChannel) + "." + keyTerms(name)
}

// ChannelWildcard is what a node subscribes to for the messages of all channels.
func (s Subjects) ChannelWildcard() string { return s.global(wordChannel) + ".>" }

// ParseChannel reads a subject of Channel as ParseKV reads one of KV.
func (s Subjects) ParseChannel(subject string) (name string, inHeader bool, err error) {
	terms, ok := strings.CutPrefix(subject, s.global(wordChannel)+".")
	if !ok {
		return "", false, badSubject(subject, s.global(wordChannel)+".<channel>")
	}
	return parseKeyTerms(terms)
}
