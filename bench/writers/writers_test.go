package main

import (
	"bytes"
	"io"
	"net"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestTables runs everything, for a moment.
func TestTables(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), []string{"-writers", "1,3", "-latency", "0,40ms", "-for", "200ms", "-missed", "60", "-clients", "2"}, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	var rows [][]string
	for line := range strings.Lines(out.String()) {
		if strings.HasPrefix(line, "| ") {
			rows = append(rows, strings.Split(strings.Trim(line, "| \n"), " | "))
		}
	}
	// Two tables with a row of names each; a row for each latency and number of writers.
	if want := 1 + 2*4 + 1 + 3*4; len(rows) != want {
		t.Fatalf("%d rows, want %d:\n%s", len(rows), want, out.String())
	}
	for _, row := range rows[1:9] {
		peer, author, conflicts := number(t, row[4]), number(t, row[5]), number(t, row[6])
		if far := row[1] == "40 ms"; far && (peer < 20 || author < 40) {
			t.Errorf("faster than the way: %q", row)
		}
		if number(t, row[3]) <= 0 || (row[0] == "1" || row[2] == "of their own") && conflicts != 0 {
			t.Errorf("%q", row)
		}
	}
	// Three who write one field at once disturb each other: at a distance for certain.
	if last := rows[8]; last[0] != "3" || number(t, last[6]) == 0 {
		t.Errorf("no conflicts: %q", last)
	}
	for i, row := range rows[10:] {
		by := "snapshot" // which is smaller than any delta
		if i >= 4 {
			by = "deltas"
		}
		if records := number(t, row[1]); row[6] != by || records < 1 || records > 60 || row[0] == "1 writers" && records != 60 {
			t.Errorf("%q, want %s", row, by)
		}
		if row[4] == "40 ms" && number(t, row[5]) < 80 { // two round trips at least
			t.Errorf("faster than the way: %q", row)
		}
	}
	for _, args := range [][]string{{"-writers", "0"}, {"-writers", "x"}, {"-latency", "far"}, {"-for", "0"}, {"-missed", "0"}, {"-clients", "0"}, {"more"}} {
		if err := run(t.Context(), args, io.Discard, io.Discard); err == nil {
			t.Errorf("%q was taken", args)
		}
	}
}

// number reads the first number of a field.
func number(t *testing.T, field string) float64 {
	t.Helper()
	first, _, _ := strings.Cut(field, " ")
	n, err := strconv.ParseFloat(first, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestDelay: what passes is late by half the latency each way and a round trip at the
// beginning, and is whole and in order; a large piece is not later than a small one by much.
func TestDelay(t *testing.T) {
	const latency = 100 * time.Millisecond
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	echoed := make(chan struct{})
	go func() {
		defer close(echoed)
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		io.Copy(c, c) //nolint:errcheck // the test finds out
	}()
	defer func() { l.Close(); <-echoed }()
	d, err := newDelay("http://"+l.Addr().String(), latency)
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	began := time.Now()
	c, err := net.Dial("tcp", strings.TrimPrefix(d.url(), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	trip := func(data []byte) time.Duration {
		t.Helper()
		began := time.Now()
		go c.Write(data) //nolint:errcheck // the test finds out
		back := make([]byte, len(data))
		if _, err := io.ReadFull(c, back); err != nil || !bytes.Equal(back, data) {
			t.Fatalf("%d bytes came back otherwise: %v", len(data), err)
		}
		return time.Since(began)
	}
	trip([]byte("hello"))
	if took := time.Since(began); took < 2*latency || took > 10*latency {
		t.Errorf("the first answer took %v", took)
	}
	large := make([]byte, 8<<20)
	for i := range large {
		large[i] = byte(i * i >> 8)
	}
	for _, data := range [][]byte{[]byte("hello"), large} {
		if took := trip(data); took < latency || took > 10*latency {
			t.Errorf("%d bytes took %v", len(data), took)
		}
	}
	// The end comes, too.
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("read %d, %v", n, err)
	}
}

// TestDelayCloses ends what is under way.
func TestDelayCloses(t *testing.T) {
	srv := httptest.NewServer(nil)
	defer srv.Close()
	d, err := newDelay(srv.URL, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", strings.TrimPrefix(d.url(), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	d.close()
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("it was answered")
	}
}
