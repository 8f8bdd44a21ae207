package load

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// usage is what a server's process has used.
type usage struct {
	cpu float64 // seconds, user and system
	rss float64 // bytes
}

// usageOf asks a server for its metrics.
func usageOf(ctx context.Context, server string) (usage, error) {
	var u usage
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(server, "/")+"/metrics", nil)
	if err != nil {
		return u, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return u, err
	}
	defer answer.Body.Close() //nolint:errcheck // it was read
	wanted := map[string]*float64{"process_cpu_seconds_total": &u.cpu, "process_resident_memory_bytes": &u.rss}
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), " ")
		if to, ok := wanted[name]; ok {
			if *to, err = strconv.ParseFloat(value, 64); err != nil {
				return u, err
			}
			delete(wanted, name)
		}
	}
	if len(wanted) > 0 {
		return u, fmt.Errorf("%s/metrics does not say what the process uses", server)
	}
	return u, nil
}

// collect has the server collect its garbage, if it lets that be done to it.
func collect(ctx context.Context, server string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(server, "/")+"/debug/pprof/heap?gc=1", nil)
	if err != nil {
		return false
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	answer.Body.Close() //nolint:errcheck // it is not looked at
	return answer.StatusCode == http.StatusOK
}
