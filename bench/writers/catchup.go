package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/rivulet-sync/rivulet/server/host"
	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// scene is a document of a size in a server that keeps so many of its records in memory;
// 0: as many as by default.
type scene struct{ size, keep int }

func (s scene) kept() string {
	if s.keep == 0 {
		return "4096 or 4 MiB"
	}
	return "all"
}

// caught are the times in which clients with a latency caught up.
type caught struct {
	latency           time.Duration
	records, size     int // that were missed; of the document, in bytes
	took              []time.Duration
	deltas, snapshots int // how often the server sent which
}

func (c *caught) by() string {
	switch {
	case c.snapshots == 0:
		return "deltas"
	case c.deltas == 0:
		return "snapshot"
	}
	return fmt.Sprintf("deltas (%d), snapshot (%d)", c.deltas, c.snapshots)
}

// bytesOfRecord is what a record of these edits takes in memory, with many writers, at
// most.
const bytesOfRecord = 16 << 10

// catchUp has writers make the edits that clients of each latency miss, and has those
// catch up.
func catchUp(ctx context.Context, cfg config, writers int, s scene) (rows []caught, err error) {
	h, err := open(ctx, host.Config{KeepRecords: s.keep, KeepBytes: s.keep * bytesOfRecord})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	inside := h.Doc(key)
	const pieces = 8 // a delta has less than a large document
	for i := range pieces {
		patch := fmt.Appendf(nil, `{"filler%d":%s}`, i, filler(s.size/pieces))
		if _, err := inside.Patch(ctx, patch); err != nil {
			return nil, err
		}
	}
	gone := make(map[time.Duration][]follower)
	for _, latency := range cfg.latencies {
		if gone[latency], err = h.connect(ctx, latency, cfg.clients); err != nil {
			return nil, err
		}
		for _, f := range gone[latency] {
			f.client.SetOffline(true)
		}
	}
	last, records, err := miss(ctx, h, writers, cfg.missed)
	if err != nil {
		return nil, err
	}
	state, err := inside.Get(ctx)
	if err != nil {
		return nil, err
	}
	for _, latency := range cfg.latencies {
		row := caught{latency: latency, records: records, size: len(state.JSON)}
		for _, f := range gone[latency] {
			if err := row.add(ctx, f, last); err != nil {
				return nil, err
			}
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// miss makes the edits and returns the last revision, and how many there are.
func miss(ctx context.Context, h *house, writers, edits int) (last record.Revision, records int, err error) {
	var mu sync.Mutex
	revisions := make(map[record.Revision]struct{})
	errs := make([]error, writers)
	var wg sync.WaitGroup
	for i := range writers {
		field := delta.Pointer(fmt.Sprintf("/w%d", i))
		wg.Go(func() {
			for n := i; n < edits && errs[i] == nil; n += writers {
				rev, err := h.Doc(key).Update(ctx, func(tx *doc.Tx) error { return tx.Set(field, fmt.Append(nil, n)) })
				mu.Lock()
				revisions[rev], last, errs[i] = struct{}{}, max(last, rev), err
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return last, len(revisions), errors.Join(errs...)
}

// add has a client connect and waits until it has heard of a revision.
func (c *caught) add(ctx context.Context, f follower, last record.Revision) error {
	ctx, cancel := context.WithTimeout(ctx, settleWithin)
	defer cancel()
	w := f.doc.Watch()
	defer w.Close()
	snapshot := false
	began := time.Now()
	f.client.SetOffline(false)
	for at := record.Revision(0); at < last; {
		e, err := w.Next(ctx)
		if err != nil {
			return err
		}
		at, snapshot = f.doc.Position().Revision, snapshot || e.Reset
	}
	c.took = append(c.took, time.Since(began))
	if snapshot {
		c.snapshots++
	} else {
		c.deltas++
	}
	return nil
}

// filler returns a JSON object of about so many bytes, with many members.
func filler(size int) []byte {
	const each = 100
	text := []byte{'{'}
	for i := 0; i*each < size; i++ {
		if i > 0 {
			text = append(text, ',')
		}
		text = fmt.Appendf(text, `"f%06d":"%s"`, i, strings.Repeat("x", each-12))
	}
	return append(text, '}')
}
