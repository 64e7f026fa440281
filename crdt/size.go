package crdt

import "unsafe"

// Sizes of what an entry is made of, for byte accounting.
const (
	sizeDot          = int(unsafe.Sizeof(Dot{}))
	sizeWrite        = int(unsafe.Sizeof(Write{}))
	sizeCell         = int(unsafe.Sizeof(Cell{}))
	sizeCellMore     = int(unsafe.Sizeof(cellMore{}))
	sizeCellRare     = int(unsafe.Sizeof(cellRare{}))
	sizeContribution = int(unsafe.Sizeof(Contribution{}))
	sizeEntry        = int(unsafe.Sizeof(Entry{}))
	sizeExtra        = int(unsafe.Sizeof(extra{}))
	sizeExpiry       = int(unsafe.Sizeof(Expiry{}))
	sizeDelta        = int(unsafe.Sizeof(Delta{}))
	sizeEffect       = int(unsafe.Sizeof(Effect{}))
	sizeSeen         = int(unsafe.Sizeof(Seen{}))
	sizeStamp        = int(unsafe.Sizeof(HLC(0)))

	// sizeSlot is what a Go map spends on one string-keyed element besides the
	// element: the key's header, its control byte, and the share of free slots
	// at the mean load.
	sizeSlot = 24
)
