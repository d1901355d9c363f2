//go:build race

package main

// raceCost is how many times the processor time of a request the race detector may take.
const raceCost = 5
