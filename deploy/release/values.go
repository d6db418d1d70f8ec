package main

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
)

// makers are what values can be made of.
var makers = map[string]func() string{
	// An API token in the form that the gateway takes: an id of 12 characters, and 32 random bytes.
	"token": func() string { return "syt_" + randomID(12) + "_" + randomText(32) },
	// A line of the file that stacks seals with.
	"seal-key": func() string { return hex.EncodeToString(randomBytes(32)) + "\n" },
	// A line of the file that the REST server seals sessions with.
	"session-key": func() string { return base64.StdEncoding.EncodeToString(randomBytes(32)) + "\n" },
	// Goes into URLs as it is.
	"password": func() string { return randomText(24) },
}

func randomBytes(n int) []byte {
	bytes := make([]byte, n)
	// It never fails: where the system has no randomness the program ends.
	_, _ = rand.Read(bytes)
	return bytes
}

// randomText is n bytes as base64url.
func randomText(n int) string { return base64.RawURLEncoding.EncodeToString(randomBytes(n)) }

// randomID is n characters of a-z and 0-9, each as likely as the others.
func randomID(n int) string {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789"
	id := make([]byte, 0, n)
	for len(id) < n {
		for _, b := range randomBytes(n) {
			if int(b) < 256/len(letters)*len(letters) && len(id) < n {
				id = append(id, letters[int(b)%len(letters)])
			}
		}
	}
	return string(id)
}

// makeValues makes all values of a Secret.
func makeValues(plan SecretPlan) (map[string][]byte, error) {
	data := map[string][]byte{}
	for key, value := range plan.Data {
		if value.Make != "" {
			data[key] = []byte(makers[value.Make]())
		}
	}
	for key, value := range plan.Data {
		if value.Make != "" {
			continue
		}
		var missing string
		text := os.Expand(value.Text, func(name string) string {
			if plan.Data[name].Make == "" {
				missing = name
			}
			return string(data[name])
		})
		if missing != "" {
			return nil, fmt.Errorf("secret %s: %s needs %s, which nothing makes", plan.Name, key, missing)
		}
		data[key] = []byte(text)
	}
	return data, nil
}

// missingKeys are those of a plan that a Secret lacks.
func missingKeys(plan SecretPlan, data map[string][]byte) string {
	var missing []string
	for key := range plan.Data {
		if len(data[key]) == 0 {
			missing = append(missing, key)
		}
	}
	return strings.Join(missing, ", ")
}
