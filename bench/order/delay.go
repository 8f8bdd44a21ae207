package main

import (
	"sync/atomic"
	"time"
)

// delay is the latency of a store's reads.
type delay struct {
	latency time.Duration
	// enough is after how much sleeping the rest is only counted; 0 stands for never. It
	// is for the baseline: that does one thing at a time, so what it would have slept can be
	// added to the time that it took.
	enough time.Duration

	reads, slept atomic.Int64
	sleeping     atomic.Int64 // nanoseconds in the reads that were slept
}

// wait takes the latency of one read.
func (d *delay) wait() {
	d.reads.Add(1)
	if d.latency == 0 || d.enough > 0 && time.Duration(d.sleeping.Load()) >= d.enough {
		return
	}
	began := time.Now()
	sleep(d.latency)
	d.sleeping.Add(int64(time.Since(began)))
	d.slept.Add(1)
}

// mean returns what a read that was slept has really taken.
func (d *delay) mean() time.Duration {
	if n := d.slept.Load(); n > 0 {
		return time.Duration(d.sleeping.Load() / n)
	}
	return d.latency
}

// owed returns what was only counted.
func (d *delay) owed() time.Duration {
	if d.latency == 0 {
		return 0
	}
	return time.Duration(d.reads.Load()-d.slept.Load()) * d.mean()
}
