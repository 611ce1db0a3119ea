// The outside view of a log in Go: golang.org/x/mod/sumdb's note and tlog, and nothing of Overt.
//
//	check proofs N        verdicts on proofs from standard input; the log has the entries overt-0 ... overt-(N-1)
//	check notes           verdicts on signed notes from standard input
//	check tiles SIZE ...  the tiles and bundles of logs of these sizes, as hashes
//	check audit DIR VKEY  rebuild a log from its entries and compare every file; leaf hashes on standard input must be in it
package main

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "check:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	switch {
	case len(args) == 2 && args[0] == "proofs":
		size, err := strconv.ParseInt(args[1], 10, 64)
		if err != nil {
			return err
		}
		return judgeProofs(size, lines(), out)
	case len(args) == 1 && args[0] == "notes":
		return judgeNotes(lines(), out)
	case len(args) >= 2 && args[0] == "tiles":
		return printTiles(args[1:], out)
	case len(args) == 3 && args[0] == "audit":
		return audit(args[1], args[2], lines(), out)
	}
	return fmt.Errorf("unknown command %q", args)
}

// lines reads standard input; a note of a hundred signatures makes a long line.
func lines() *bufio.Scanner {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(make([]byte, 1<<20), 1<<26)
	return in
}
