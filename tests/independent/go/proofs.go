package main

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// tree holds every hash of a log, in tlog's own order.
type tree struct {
	size   int64
	hashes []tlog.Hash
}

func (t *tree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	found := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		if index >= int64(len(t.hashes)) {
			return nil, fmt.Errorf("hash %d is not there", index)
		}
		found[i] = t.hashes[index]
	}
	return found, nil
}

func (t *tree) add(entry []byte) error {
	hashes, err := tlog.StoredHashes(t.size, entry, t)
	if err != nil {
		return err
	}
	t.hashes = append(t.hashes, hashes...)
	t.size++
	return nil
}

// sample is the log of the entries overt-0, overt-1, ...
func sample(size int64) (*tree, error) {
	t := &tree{}
	for t.size < size {
		if err := t.add([]byte("overt-" + strconv.FormatInt(t.size, 10))); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// judgeProofs reads one proof a line and writes one letter a line: "y" the proof holds and is the one that tlog itself
// gives, "a" it holds but is another, "n" it does not hold.
//
//	I size index entry root hash,hash,...     (entry, root and hashes in hexadecimal, "-" for no hashes)
//	C old new oldroot newroot hash,hash,...
func judgeProofs(size int64, in *bufio.Scanner, out *bufio.Writer) error {
	t, err := sample(size)
	if err != nil {
		return err
	}
	for in.Scan() {
		letter, err := judge(t, strings.Split(in.Text(), " "))
		if err != nil {
			return fmt.Errorf("%q: %w", in.Text(), err)
		}
		fmt.Fprintln(out, letter)
	}
	return in.Err()
}

func judge(t *tree, words []string) (string, error) {
	if len(words) != 6 {
		return "", fmt.Errorf("expected 6 words")
	}
	first, err := strconv.ParseInt(words[1], 10, 64)
	if err != nil {
		return "", err
	}
	second, err := strconv.ParseInt(words[2], 10, 64)
	if err != nil {
		return "", err
	}
	path, err := hashList(words[5])
	if err != nil {
		return "", err
	}
	last, err := hashList(words[4])
	if err != nil || len(last) != 1 {
		return "", fmt.Errorf("the root is malformed")
	}
	if words[0] == "I" {
		entry, err := hex.DecodeString(words[3])
		if err != nil {
			return "", err
		}
		if tlog.CheckRecord(path, first, last[0], second, tlog.RecordHash(entry)) != nil {
			return "n", nil
		}
		own, err := tlog.ProveRecord(first, second, t)
		return same(own, path, err)
	}
	old, err := hashList(words[3])
	if err != nil || len(old) != 1 {
		return "", fmt.Errorf("the old root is malformed")
	}
	if tlog.CheckTree(path, second, last[0], first, old[0]) != nil {
		return "n", nil
	}
	own, err := tlog.ProveTree(second, first, t)
	return same(own, path, err)
}

func same(own, given []tlog.Hash, err error) (string, error) {
	if err != nil {
		return "", err
	}
	if len(own) == 0 && len(given) == 0 || reflect.DeepEqual(own, given) {
		return "y", nil
	}
	return "a", nil
}

func hashList(text string) ([]tlog.Hash, error) {
	var hashes []tlog.Hash
	if text == "-" {
		return hashes, nil
	}
	for _, word := range strings.Split(text, ",") {
		raw, err := hex.DecodeString(word)
		if err != nil || len(raw) != tlog.HashSize {
			return nil, fmt.Errorf("%q is not a hash", word)
		}
		hashes = append(hashes, tlog.Hash{})
		copy(hashes[len(hashes)-1][:], raw)
	}
	return hashes, nil
}
