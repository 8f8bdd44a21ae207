// Package chaos is tests only. Servers are killed, paused and robbed of what NATS
// acknowledges, again and again, while clients write to 50 documents; then the log is
// held against what the clients were told and have seen.
//
//	go test ./internal/chaos -v -chaos.rounds 30
package chaos
