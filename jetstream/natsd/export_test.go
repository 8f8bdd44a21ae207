package natsd

// DisableJetStream does what the server does to itself when its disk fails.
func (n *Node) DisableJetStream(cause string) error {
	n.embedded.log.Errorf("%s", cause)
	return n.embedded.server.DisableJetStream()
}
