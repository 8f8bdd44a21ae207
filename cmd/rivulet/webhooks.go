package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/rivulet-sync/rivulet/server/httpapi"
	"github.com/rivulet-sync/rivulet/server/webhook"
)

// webhookFlag is the flag of serve.
type webhookFlag struct {
	Webhooks string `help:"Send what is committed to the URLs in this file; rivulet webhooks --help shows one." type:"path" placeholder:"FILE"`
}

// read returns the webhooks of the file, none without one.
func (f webhookFlag) read() ([]webhook.Config, error) {
	if f.Webhooks == "" {
		return nil, nil
	}
	data, err := os.ReadFile(f.Webhooks)
	if err != nil {
		return nil, err
	}
	list, err := webhook.Parse(data, os.LookupEnv)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Webhooks, err)
	}
	return list, nil
}

type webhooksCmd struct {
	List webhooksListCmd `cmd:"" default:"withargs" help:"Show what the webhooks of the server are doing."`
	Dead webhooksDeadCmd `cmd:"" help:"List what webhooks have given up, send it again, or drop it."`
}

func (*webhooksCmd) Help() string {
	return `A webhook POSTs every revision of every document, as JSON, to a URL, each document's in order, until it is taken
(2xx). The server is told of webhooks by rivulet serve --webhooks FILE, a JSON file:

  [{"name": "billing", "url": "https://example.com/rivulet", "secret": "env:BILLING_SECRET", "space": "orders"}]

The secret signs requests as https://www.standardwebhooks.com says: whsec_$(openssl rand -base64 32), here or in an
environment variable. Optional are space (all without), fromNow (true: a new webhook begins with what is committed from
now on), timeout ("10s"), attempts (12), retryAfter ("2s", doubled after each failure) and retryAtMost ("5m").

  rivulet webhooks                        what they are doing
  rivulet webhooks dead                   what was given up after so many attempts
  rivulet webhooks dead billing --retry   send that again`
}

type webhooksListCmd struct {
	remote
	JSON bool `help:"Print a line of JSON for each webhook."`
}

func (cmd *webhooksListCmd) Run(ctx context.Context, std *streams) error {
	body, err := cmd.webhooks(ctx, http.MethodGet, nil)
	if err != nil {
		return err
	}
	defer body.Close()
	if cmd.JSON {
		_, err := io.Copy(std.out, body)
		return err
	}
	list, err := jsonLines[httpapi.WebhookStatus](body)
	if err != nil {
		return fmt.Errorf("%s: %w", cmd.Server, err)
	}
	table := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "webhook\tstate\tdelivered\tfailures\tlag\tfailing\tdead\turl")
	for _, s := range list {
		fmt.Fprintf(table, "%s\t%s\t%d\t%d\t%d\t%d\t%d\t%s\n", s.Name, s.State, s.Delivered, s.Failures, s.Lag, s.FailingCount, s.Dead, s.URL)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, s := range list {
		for _, f := range s.Failing {
			fmt.Fprintf(std.out, "%s: %s has failed %d times since %s: %s; again at %s\n",
				s.Name, f.Doc, f.Attempts, f.Since.Local().Format(time.DateTime), f.Reason, f.Next.Local().Format(time.TimeOnly))
		}
		if more := s.FailingCount - len(s.Failing); more > 0 {
			fmt.Fprintf(std.out, "%s: and %d more documents\n", s.Name, more)
		}
	}
	return nil
}

type webhooksDeadCmd struct {
	remote
	Name  string `arg:"" optional:"" help:"The webhook; all of them without." placeholder:"NAME"`
	Retry bool   `help:"Send them again, once, and remove those that are taken." xor:"what"`
	Drop  bool   `help:"Remove those of the webhook without sending them." xor:"what"`
	JSON  bool   `help:"Print a line of JSON for each, with what was sent."`
}

func (*webhooksDeadCmd) Help() string {
	return `Lists events that webhooks have given up. What is sent again comes after later events of its document: the receiver
can tell by the revision, or reads the document instead.

  rivulet webhooks dead
  rivulet webhooks dead billing --json | jq .body
  rivulet webhooks dead billing --retry
  rivulet webhooks dead billing --drop`
}

func (cmd *webhooksDeadCmd) Run(ctx context.Context, std *streams) error {
	query := url.Values{}
	if cmd.Name != "" {
		query.Set("name", cmd.Name)
	}
	switch {
	case cmd.Retry:
		return cmd.retry(ctx, std, query)
	case cmd.Drop:
		return cmd.drop(ctx, std, query)
	}
	body, err := cmd.webhooks(ctx, http.MethodGet, query, "dead")
	if err != nil {
		return err
	}
	defer body.Close()
	if cmd.JSON {
		_, err := io.Copy(std.out, body)
		return err
	}
	list, err := jsonLines[httpapi.DeadLetter](body)
	if err != nil {
		return fmt.Errorf("%s: %w", cmd.Server, err)
	}
	return printDead(std.out, list)
}

func printDead(out io.Writer, list []httpapi.DeadLetter) error {
	if len(list) == 0 {
		return nil
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "webhook\tdocument\trevision\tevent\tattempts\tlast\treason")
	for _, l := range list {
		fmt.Fprintf(table, "%s\t%s\t%d\t%s\t%d\t%s\t%s\n", l.Webhook, l.Doc, l.Revision, l.Event, l.Attempts, l.Time.Local().Format(time.DateTime), l.Reason)
	}
	return table.Flush()
}

// errLeft says that some dead letters are dead still; they were printed.
var errLeft = errors.New("some were not taken")

func (cmd *webhooksDeadCmd) retry(ctx context.Context, std *streams, query url.Values) error {
	// However long that takes.
	body, err := cmd.webhooks(ctx, http.MethodPost, query, "dead")
	if err != nil {
		return err
	}
	defer body.Close()
	list, err := jsonLines[httpapi.DeadRetried](body)
	if err != nil {
		return fmt.Errorf("%s: %w", cmd.Server, err)
	}
	left := 0
	for _, r := range list {
		fmt.Fprintf(std.out, "%s: %d delivered, %d left\n", r.Webhook, r.Delivered, r.Left)
		if err := printDead(std.out, r.Failed); err != nil {
			return err
		}
		left += r.Left
	}
	if left > 0 {
		return errLeft
	}
	return nil
}

func (cmd *webhooksDeadCmd) drop(ctx context.Context, std *streams, query url.Values) error {
	if cmd.Name == "" {
		return errors.New("name the webhook of which dead letters are to be dropped")
	}
	body, err := cmd.webhooks(ctx, http.MethodDelete, query, "dead")
	if err != nil {
		return err
	}
	defer body.Close()
	list, err := jsonLines[struct{ Dropped int }](body)
	if err != nil || len(list) != 1 {
		return fmt.Errorf("%s: what it answers is cut off: %w", cmd.Server, err)
	}
	fmt.Fprintf(std.out, "%d dropped\n", list[0].Dropped)
	return nil
}

// webhooks asks the server for what is at a path under /v1/webhooks.
func (r remote) webhooks(ctx context.Context, method string, query url.Values, path ...string) (io.ReadCloser, error) {
	var body io.Reader
	if method == http.MethodPost {
		body = strings.NewReader("{}")
	}
	answer, err := r.request(ctx, method, body, query, append([]string{"webhooks"}, path...)...)
	var failed *httpError
	if errors.As(err, &failed) && (failed.status == http.StatusNotFound && failed.text != httpapi.ErrNoWebhook.Error() || failed.status == http.StatusMethodNotAllowed) {
		return nil, fmt.Errorf("the server at %s has no webhooks; it is told of them by rivulet serve --webhooks FILE", r.Server)
	}
	return answer, err
}

// jsonLines reads lines of JSON to the end.
func jsonLines[T any](in io.Reader) ([]T, error) {
	var list []T
	for lines := json.NewDecoder(in); ; {
		var line T
		if err := lines.Decode(&line); errors.Is(err, io.EOF) {
			return list, nil
		} else if err != nil {
			return list, err
		}
		list = append(list, line)
	}
}
