package server_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/rivulet-sync/rivulet/server"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// A name delivers once on a server, and again when the first has ended.
func TestL2_OneOfAName(t *testing.T) {
	srv := start(t, server.Config{})
	one, two := newRecorder(), newRecorder()
	o := server.FeedOptions{Name: "x"}
	first, err := srv.Subscribe(o, one.take)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := srv.Subscribe(o, two.take); !errors.Is(err, server.ErrSubscribed) {
		t.Fatalf("a second one under the name: %v", err)
	}
	key := record.Key{Space: "s", ID: "d"}
	if _, err := srv.Doc(key).Patch(t.Context(), []byte(`{"n":1}`)); err != nil {
		t.Fatal(err)
	}
	one.wait(t, map[record.Key]int{key: 1})
	first.Close()
	second, err := srv.Subscribe(o, two.take)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := srv.Doc(key).Patch(t.Context(), []byte(`{"n":2}`)); err != nil {
		t.Fatal(err)
	}
	two.wait(t, map[record.Key]int{key: 2})
	second.Close()
	if n := len(one.revisions[key]) + len(two.revisions[key]); n != 2 {
		t.Errorf("%d events were delivered of 2", n)
	}
}

// Who subscribes while the server is closed is told so, or his subscription ends.
func TestSubscribeWhileItCloses(t *testing.T) {
	srv := start(t, server.Config{})
	begin := make(chan struct{})
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			<-begin
			for n := 0; ; n++ {
				sub, err := srv.Subscribe(server.FeedOptions{Name: fmt.Sprint("n", i, "-", n)}, newRecorder().take)
				if errors.Is(err, server.ErrClosed) {
					return
				}
				if err != nil {
					t.Error(err)
					return
				}
				if i%2 == 0 {
					sub.Close()
				}
				<-sub.Ended()
			}
		})
	}
	close(begin)
	if err := srv.Close(); err != nil {
		t.Error(err)
	}
	all.Wait()
	if _, err := srv.Subscribe(server.FeedOptions{Name: "late"}, newRecorder().take); !errors.Is(err, server.ErrClosed) {
		t.Errorf("after it was closed: %v", err)
	}
	if left := srv.Subscriptions(); len(left) > 0 {
		t.Errorf("%d subscriptions are left", len(left))
	}
}
