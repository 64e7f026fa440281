package resp

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"
)

// Health says whether clients are well served by this node.
type Health interface {
	// Lag waits until the node has everything that other regions were known to have
	// when it was called, and returns nil; or until ctx ends, or it is clear that it
	// cannot, and returns why.
	Lag(ctx context.Context) error
	// Serving returns why the node does not serve, nil if it does.
	Serving() error
}

// The tolerance of lag that a client asks for, in milliseconds.
const (
	defaultTolerance = 100
	maxTolerance     = 10_000
)

// databaseID is the one database of a node, as Redis Enterprise numbers them.
const databaseID = 1

// Availability returns what answers the health checks of clients that fail over
// between regions by themselves, as Redis Enterprise's REST API does:
//
//	GET /v1/bdbs                              the database, and where it is
//	GET /v1/bdbs/1/availability               200 while the node serves, 503 otherwise
//	    ?extend_check=lag                     and has what other regions have
//	    &availability_lag_tolerance_ms=100    within this time
//
// The lag is measured: what other regions are known to have and is missing here
// when the request comes must have arrived by then. address is where Redis clients
// find the node. It is safe for concurrent use.
func Availability(h Health, address string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/bdbs", func(w http.ResponseWriter, _ *http.Request) { listDatabases(w, address) })
	for _, path := range []string{"/v1/bdbs/{id}/availability", "/v1/local/bdbs/{id}/endpoint/availability"} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) { checkDatabase(w, r, h) })
	}
	return mux
}

func listDatabases(w http.ResponseWriter, address string) {
	host, text, err := net.SplitHostPort(address)
	port, _ := strconv.Atoi(text) // It is zero when there is no address.
	type endpoint struct {
		Name string   `json:"dns_name"`
		Addr []string `json:"addr"`
		Port int      `json:"port"`
	}
	out := []map[string]any{}
	if err == nil {
		out = append(out, map[string]any{"uid": databaseID, "name": "atoll", "endpoints": []endpoint{{host, []string{host}, port}}})
	}
	writeJSON(w, http.StatusOK, out)
}

func checkDatabase(w http.ResponseWriter, r *http.Request, h Health) {
	if r.PathValue("id") != strconv.Itoa(databaseID) {
		writeJSON(w, http.StatusNotFound, map[string]string{
			"error_code": "db_not_exist", "description": fmt.Sprintf("the only database is %d", databaseID)})
		return
	}
	query := r.URL.Query()
	tolerance := defaultTolerance
	if text := query.Get("availability_lag_tolerance_ms"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			writeJSON(w, http.StatusBadRequest, map[string]string{
				"error_code": "bad_request", "description": "availability_lag_tolerance_ms is no number of milliseconds"})
			return
		}
		tolerance = min(n, maxTolerance)
	}
	err := h.Serving()
	if err == nil && query.Get("extend_check") == "lag" {
		ctx, cancel := context.WithTimeout(r.Context(), time.Duration(tolerance)*time.Millisecond)
		err = h.Lag(ctx)
		cancel()
	}
	if err != nil {
		writeJSON(w, http.StatusServiceUnavailable, map[string]string{"error_code": "db_not_available", "description": err.Error()})
		return
	}
	w.WriteHeader(http.StatusOK)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // It fails when the client has gone.
}
