package session

import (
	"bufio"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"strings"
)

// Seal keeps what browsers carry for us from being read or changed by them: AES-256-GCM with a
// random nonce. The first key seals, all of them open: a new key comes last until all replicas have it,
// then in front of the old ones, which go when what they sealed has ended.
type Seal struct {
	keys []cipher.AEAD
}

const keyBytes = 32

var errSeal = errors.New("not sealed by us, or by a key that is gone")

// RandomSeal has a key that ends with the process.
func RandomSeal() *Seal {
	var key [keyBytes]byte
	_, _ = rand.Read(key[:])
	return &Seal{keys: []cipher.AEAD{newAEAD(key[:])}}
}

// ReadSeal reads a file with a key a line, 32 bytes in base64.
func ReadSeal(path string) (*Seal, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	seal := &Seal{}
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, err := base64.StdEncoding.DecodeString(line)
		if err != nil || len(key) != keyBytes {
			return nil, fmt.Errorf("%s: expected 32 bytes in base64 on each line, as `openssl rand -base64 32` writes them", path)
		}
		seal.keys = append(seal.keys, newAEAD(key))
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(seal.keys) == 0 {
		return nil, fmt.Errorf("%s: there is no key in it", path)
	}
	return seal, nil
}

func newAEAD(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // Its length was checked.
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err)
	}
	return aead
}

// Close seals `plain` for one purpose; what was sealed for another does not open.
func (s *Seal) Close(purpose string, plain []byte) string {
	return base64.RawURLEncoding.EncodeToString(s.keys[0].Seal(nil, nil, plain, []byte(purpose)))
}

// Open is the reverse.
func (s *Seal) Open(purpose, text string) ([]byte, error) {
	sealed, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return nil, errSeal
	}
	for _, key := range s.keys {
		if plain, err := key.Open(nil, nil, sealed, []byte(purpose)); err == nil {
			return plain, nil
		}
	}
	return nil, errSeal
}
