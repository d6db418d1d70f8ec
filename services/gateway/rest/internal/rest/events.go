package rest

import (
	"bytes"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

const (
	// heartbeatEvery is how long a stream of events may be silent: proxies drop what is silent for
	// a minute.
	heartbeatEvery = 15 * time.Second
	// openedWithin is when a stream of events begins at the latest, with a heartbeat: until then its
	// client does not know whether it is served, and what is refused by then has its own status.
	openedWithin = 500 * time.Millisecond
	// retryAfterEnd is when a browser connects again.
	retryAfterEnd = 2 * time.Second
	problemOpens  = "event: problem\ndata: "
	endEvent      = "event: end\ndata: {}\n\n"
)

// eventCodec writes streams as server-sent events: the data is the message, the id says where to go
// on after it.
type eventCodec struct{ *jsonCodec }

func (eventCodec) StreamContentType(any) string { return eventsType }

func (eventCodec) Delimiter() []byte { return nil }

func (c eventCodec) Marshal(v any) ([]byte, error) {
	switch v := v.(type) {
	case map[string]any:
		text, err := c.jsonCodec.Marshal(v["result"])
		if err != nil {
			return nil, err
		}
		var out []byte
		if message, ok := v["result"].(proto.Message); ok {
			if id := eventID(message.ProtoReflect()); id != "" {
				out = append(out, "id: "+id+"\n"...)
			}
		}
		return append(append(append(out, "data: "...), text...), "\n\n"...), nil
	case map[string]proto.Message:
		return append(append([]byte(problemOpens), streamProblem(v["error"])...), "\n\n"...), nil
	}
	return c.jsonCodec.Marshal(v)
}

// eventID is the resume token of a message, or the offset that follows it in a log.
func eventID(m protoreflect.Message) string {
	fields := m.Descriptor().Fields()
	if field := fields.ByName("resume_token"); field != nil {
		return m.Get(field).String()
	}
	if field := fields.ByName("next_offset"); field != nil {
		return strconv.FormatInt(m.Get(field).Int(), 10)
	}
	return ""
}

// resumed makes a request go on behind the event that its client saw last. That header is newer
// than what the URL says, which a browser repeats as it was.
func resumed(r *http.Request, found *route) {
	last := r.Header.Get("Last-Event-ID")
	if last == "" {
		return
	}
	parameter := "resumeToken"
	if found.rpc.Input().Fields().ByName("offset") != nil {
		parameter = "offset"
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return
	}
	query.Del("resume_token")
	query.Set(parameter, last)
	r.URL.RawQuery = query.Encode()
}

// eventStream keeps a stream of events alive while nothing happens.
type eventStream struct {
	out   http.ResponseWriter
	every time.Duration
	// header is what the handler sets; a heartbeat may come in between, and must not touch it.
	header http.Header

	mu sync.Mutex
	// begun: the answer's header is on its way. troubled: it ends with a problem. over: no heartbeat
	// may follow.
	begun, troubled, over bool
	timer                 *time.Timer
}

func newEventStream(w http.ResponseWriter, every time.Duration) *eventStream {
	s := &eventStream{out: w, every: every, header: w.Header().Clone()}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.timer = time.AfterFunc(min(every, openedWithin), s.beat)
	return s
}

func (s *eventStream) Header() http.Header { return s.header }

// Write takes whole events.
func (s *eventStream) Write(data []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.troubled = s.troubled || bytes.HasPrefix(data, []byte(problemOpens))
	if !s.begun {
		maps.Copy(s.out.Header(), s.header)
		s.begin()
	}
	s.timer.Reset(s.every)
	return s.out.Write(data)
}

// begin says first when to come back.
func (s *eventStream) begin() {
	s.begun = true
	_, _ = s.out.Write([]byte("retry: " + strconv.FormatInt(retryAfterEnd.Milliseconds(), 10) + "\n\n"))
}

// beginAlone begins before the handler has set a header.
func (s *eventStream) beginAlone() {
	s.out.Header().Set("Content-Type", eventsType)
	s.out.Header().Set("Cache-Control", "no-store")
	s.begin()
}

// WriteHeader comes for errors before the first event alone.
func (s *eventStream) WriteHeader(code int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.begun {
		return
	}
	s.begun, s.troubled = true, true
	maps.Copy(s.out.Header(), s.header)
	s.out.WriteHeader(code)
}

// hasBegun tells that it is too late for a status of HTTP.
func (s *eventStream) hasBegun() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.begun
}

// FlushError is what http.ResponseController calls.
func (s *eventStream) FlushError() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return http.NewResponseController(s.out).Flush()
}

func (s *eventStream) beat() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return
	}
	if !s.begun {
		s.beginAlone()
	}
	if _, err := s.out.Write([]byte(": still here\n\n")); err != nil {
		return
	}
	_ = http.NewResponseController(s.out).Flush()
	s.timer.Reset(s.every)
}

// end stops the heartbeat, which must not outlive the request, and tells clients of a stream that
// is complete not to come back.
func (s *eventStream) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.timer.Stop()
	s.over = true
	if s.troubled {
		return
	}
	if !s.begun {
		s.beginAlone()
	}
	_, _ = s.out.Write([]byte(endEvent))
}
