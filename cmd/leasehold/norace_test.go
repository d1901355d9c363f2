//go:build !race

package main

// raceCost is 1: what is measured is what ships.
const raceCost = 1
