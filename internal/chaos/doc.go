// Package chaos is tests only. Servers are killed, paused and robbed of what NATS
// acknowledges, again and again, alone, in pairs and on a cluster, also while they compact
// the log, and clients write to 50 documents meanwhile; then the log is held against what
// the clients were told and have seen. So is what an import of events in no order has come to.
//
//	go test ./internal/chaos -v -chaos.rounds 30
package chaos
