package session

import (
	"encoding/json"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	sessionPurpose = "session"
	signInPurpose  = "sign-in"
	faultPurpose   = "fault"
	endedPurpose   = "ended"

	// Browsers take 4,096 bytes with name and attributes.
	maxCookieBytes = 3_800
	// Of one value: ID tokens with many groups, and a refresh token.
	maxCookies = 4
)

// content is what a session's cookie holds.
type content struct {
	// ID of the sign-in; renewals keep it.
	ID string `json:"id,omitempty"`
	// Token is an API token, or an ID token.
	Token string `json:"t"`
	// Refresh gets the next ID token; empty: none.
	Refresh string `json:"r,omitempty"`
	// Issuer of an ID token, and whom it is about; empty: an API token.
	Issuer  string `json:"i,omitempty"`
	Subject string `json:"s,omitempty"`
	// Expires is when the token ends; zero: not known.
	Expires time.Time `json:"e,omitzero"`
}

// attempt is a sign-in that has begun: what the answer of the provider is held against.
type attempt struct {
	State    string    `json:"s"`
	Nonce    string    `json:"n"`
	Verifier string    `json:"v"`
	Issuer   string    `json:"i"`
	ReturnTo string    `json:"r"`
	Expires  time.Time `json:"e"`
}

const (
	attemptLife = 10 * time.Minute
	// maxAttempts at once: each tab has one of its own, and all of them must fit into a header.
	maxAttempts = 4
)

// stateForm is what `random` makes, and fit for the name of a cookie.
var stateForm = regexp.MustCompile(`^[A-Za-z0-9_-]{22}$`)

// purpose is an attempt's own, so that tabs do not overwrite each other's.
func (a attempt) purpose() string { return signInPurpose + "-" + a.State[:8] }

// fault is why a sign-in failed, for the page that shows it. In the address anybody could have the
// page say anything.
type fault struct {
	Text    string    `json:"t"`
	Expires time.Time `json:"e"`
}

// jar reads and writes sealed cookies. Where the browser reaches us by TLS they are bound to this
// host and to TLS.
type jar struct {
	seal   *Seal
	secure func(*http.Request) bool
}

// name tells apart the ports of one machine, whose cookies browsers do not: two meshes side by side
// must not end each other's sessions.
func (j *jar) name(r *http.Request, purpose string) string {
	if j.secure(r) {
		return "__Host-stackyard-" + purpose
	}
	if _, port, err := net.SplitHostPort(r.Host); err == nil {
		return "stackyard-" + port + "-" + purpose
	}
	return "stackyard-" + purpose
}

// maxEnded sign-ins are remembered by the browser: more than renewals can be on their way.
const maxEnded = 8

// ended are ids of sign-ins, the oldest first.
type ended []string

// session is the one that a request comes with. One that has ended does not count: an answer that was
// on its way then may have brought its cookie back.
func (j *jar) session(r *http.Request) (content, bool) {
	var held content
	var over ended
	if !j.read(r, sessionPurpose, &held) {
		return content{}, false
	}
	if j.read(r, endedPurpose, &over) && slices.Contains(over, held.ID) {
		return content{}, false
	}
	return held, true
}

// end has the session that a request comes with count no more.
func (j *jar) end(w http.ResponseWriter, r *http.Request) {
	var over ended
	held, ok := j.session(r)
	if !ok || held.ID == "" {
		return
	}
	_ = j.read(r, endedPurpose, &over)
	over = append(over, held.ID)
	j.write(w, r, endedPurpose, over[max(0, len(over)-maxEnded):])
}

// begin writes the session of a new sign-in, as write does, and ends the one before it.
func (j *jar) begin(w http.ResponseWriter, r *http.Request, held content) bool {
	held.ID = random()
	if !j.write(w, r, sessionPurpose, held) {
		return false
	}
	j.end(w, r)
	return true
}

// read answers false for what is not there, not ours, or no longer opens.
func (j *jar) read(r *http.Request, purpose string, value any) bool {
	name := j.name(r, purpose)
	var text strings.Builder
	for i := range maxCookies {
		part, err := r.Cookie(part(name, i))
		if err != nil {
			break
		}
		text.WriteString(part.Value)
	}
	if text.Len() == 0 {
		return false
	}
	plain, err := j.seal.Open(purpose, text.String())
	return err == nil && json.Unmarshal(plain, value) == nil
}

// write keeps a value until the browser's session ends. It answers false when the value is too large
// for cookies; nothing is written then.
func (j *jar) write(w http.ResponseWriter, r *http.Request, purpose string, value any) bool {
	return j.writeFor(w, r, purpose, value, 0)
}

// writeFor has the browser forget the value after a time.
func (j *jar) writeFor(w http.ResponseWriter, r *http.Request, purpose string, value any, life time.Duration) bool {
	plain, err := json.Marshal(value)
	if err != nil {
		return false
	}
	text := j.seal.Close(purpose, plain)
	if len(text) > maxCookieBytes*maxCookies {
		return false
	}
	for i := range maxCookies {
		piece := text[:min(len(text), maxCookieBytes)]
		text = text[len(piece):]
		j.set(w, r, part(j.name(r, purpose), i), piece, life)
	}
	return true
}

func (j *jar) clear(w http.ResponseWriter, r *http.Request, purpose string) {
	for i := range maxCookies {
		j.set(w, r, part(j.name(r, purpose), i), "", 0)
	}
}

// thin leaves the newest of those whose purpose begins so: browsers send the oldest first.
func (j *jar) thin(w http.ResponseWriter, r *http.Request, prefix string, leave int) {
	var names []string
	for _, cookie := range r.Cookies() {
		if name := cookie.Name; strings.HasPrefix(name, j.name(r, prefix)) && !strings.Contains(name, ".") {
			names = append(names, name)
		}
	}
	for _, name := range names[:max(0, len(names)-leave)] {
		for i := range maxCookies {
			j.set(w, r, part(name, i), "", 0)
		}
	}
}

// set writes one cookie, which without a life ends with the browser's session; an empty one is taken
// away, also where the request came without it: another answer may have brought it meanwhile, and
// pieces of two values are none.
func (j *jar) set(w http.ResponseWriter, r *http.Request, name, value string, life time.Duration) {
	cookie := &http.Cookie{
		Name: name, Value: value, Path: "/", HttpOnly: true, Secure: j.secure(r),
		// The provider leads back to us by a link: Strict would not send the cookie then.
		SameSite: http.SameSiteLaxMode,
		MaxAge:   int(life / time.Second),
	}
	if value == "" {
		cookie.MaxAge = -1
	}
	http.SetCookie(w, cookie)
}

func part(name string, i int) string {
	if i == 0 {
		return name
	}
	return name + "." + strconv.Itoa(i)
}
