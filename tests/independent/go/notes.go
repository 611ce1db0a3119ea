package main

import (
	"bufio"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"sort"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// cosigner verifies cosignature/v1, which the library does not know.
type cosigner struct {
	name   string
	hash   uint32
	public ed25519.PublicKey
}

func (c *cosigner) Name() string    { return c.name }
func (c *cosigner) KeyHash() uint32 { return c.hash }

func (c *cosigner) Verify(text, signature []byte) bool {
	if len(signature) != 8+ed25519.SignatureSize {
		return false
	}
	time := binary.BigEndian.Uint64(signature)
	if time > math.MaxInt64 {
		return false
	}
	message := fmt.Sprintf("cosignature/v1\ntime %d\n%s", time, text)
	return ed25519.Verify(c.public, []byte(message), signature[8:])
}

// verifier is the library's for a plain key, ours for the key of a witness.
func verifier(vkey string) (note.Verifier, error) {
	parts := strings.SplitN(vkey, "+", 3)
	if len(parts) != 3 {
		return nil, fmt.Errorf("%q is not a key", vkey)
	}
	key, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil {
		return nil, err
	}
	if len(key) != 1+ed25519.PublicKeySize || key[0] != 4 {
		return note.NewVerifier(vkey)
	}
	sum := sha256.Sum256(append([]byte(parts[0]+"\n"), key...))
	if hex.EncodeToString(sum[:4]) != parts[1] {
		return nil, fmt.Errorf("%q has another id", vkey)
	}
	return &cosigner{parts[0], binary.BigEndian.Uint32(sum[:]), ed25519.PublicKey(key[1:])}, nil
}

// judgeNotes reads a line of keys, and then one note a line in hexadecimal ("-" for an empty one). It writes "n" for a
// note that is refused, and for any other the SHA-256 of its text and the keys that signed it.
func judgeNotes(in *bufio.Scanner, out *bufio.Writer) error {
	if !in.Scan() {
		return fmt.Errorf("there is no line of keys")
	}
	var known []note.Verifier
	for _, vkey := range strings.Split(in.Text(), " ") {
		v, err := verifier(vkey)
		if err != nil {
			return err
		}
		known = append(known, v)
	}
	for in.Scan() {
		raw, err := hex.DecodeString(strings.TrimPrefix(in.Text(), "-"))
		if err != nil {
			return err
		}
		fmt.Fprintln(out, verdict(raw, note.VerifierList(known...)))
	}
	return in.Err()
}

func verdict(raw []byte, known note.Verifiers) string {
	opened, err := note.Open(raw, known)
	if err != nil {
		return "n"
	}
	names := make([]string, 0, len(opened.Sigs))
	for _, signature := range opened.Sigs {
		names = append(names, fmt.Sprintf("%s+%08x", signature.Name, signature.Hash))
	}
	sort.Strings(names)
	sum := sha256.Sum256([]byte(opened.Text))
	return hex.EncodeToString(sum[:]) + " " + strings.Join(names, " ")
}
