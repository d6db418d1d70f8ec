package rest

import (
	"encoding/json"
	"errors"
	"testing"

	"google.golang.org/protobuf/proto"
)

// Whatever is sent as a lock is refused with 400 or can be passed on.
func FuzzParseLock(f *testing.F) {
	f.Add([]byte(lockOfTerraform))
	f.Add([]byte(`{"id":"l1","Created":null,"New":[1,{}]}`))
	f.Add([]byte(`{"ID":"\ud800\u0000","Created":"0001-01-01T00:00:00Z"}`))
	f.Add([]byte("{\"ID\":\"\xff\"}"))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, body []byte) {
		lock, err := parseLock(body)
		if err != nil {
			var known *stateError
			if !errors.As(err, &known) || known.httpCode != 400 {
				t.Fatal(err)
			}
			return
		}
		if _, err := proto.Marshal(lock.toProto()); err != nil {
			t.Fatal(err)
		}
		// Terraform reads back what it sent.
		text, err := json.Marshal(lock)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := parseLock(text); err != nil || again.ID != lock.ID || again.Who != lock.Who {
			t.Fatal(err, string(text))
		}
	})
}
