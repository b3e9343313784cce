// SPDX-License-Identifier: GPL-2.0
/*
 * dma-debug of the two-step API: keeps account of the reservations of all devices
 * and of the pieces linked into them, and reports what breaks the rules of
 * Documentation/core-api/dma-iova.rst. debug.c has the pool of entries, which is
 * bounded by giving up, and the reports.
 */
#include <linux/align.h>
#include <linux/dma-mapping.h>
#include <linux/hashtable.h>
#include <linux/rbtree.h>
#include <linux/seq_file.h>

#include "debug-entry.h"
#include "debug-iova.h"

/*
 * Reservations by address. There is one lock for them and all that is linked,
 * which costs no more than those that debug.c has for its entries.
 */
static DEFINE_HASHTABLE(reservations, 10);
static DEFINE_SPINLOCK(reservations_lock);

/* IO addresses up to and including @last, which may be the very last there is */
struct span {
	u64 first;
	u64 last;
};

static u64 piece_last(const struct dma_debug_entry *piece)
{
	return piece->dev_addr + piece->size - 1;
}

static struct dma_debug_entry *to_piece(struct rb_node *node)
{
	return rb_entry_safe(node, struct dma_debug_entry, node);
}

static struct dma_debug_entry *next_piece(struct dma_debug_entry *piece)
{
	return to_piece(rb_next(&piece->node));
}

/* A state that has been copied and used twice may be of another size by now. */
static struct dma_debug_entry *
find_reservation(struct device *dev, const struct dma_iova_state *state)
{
	struct dma_debug_entry *entry;

	hash_for_each_possible(reservations, entry, hash, state->addr) {
		if (entry->dev == dev && entry->dev_addr == state->addr &&
		    entry->size == dma_iova_size(state))
			return entry;
	}
	return NULL;
}

/* The first piece that has a part at or behind @addr */
static struct dma_debug_entry *
find_piece(const struct dma_debug_entry *reservation, u64 addr)
{
	struct rb_node *node = reservation->pieces.rb_node;
	struct dma_debug_entry *found = NULL;

	while (node) {
		struct dma_debug_entry *piece = to_piece(node);

		if (piece_last(piece) < addr) {
			node = node->rb_right;
		} else {
			found = piece;
			node = node->rb_left;
		}
	}
	return found;
}

/* Does the call get as far as the engine? If not, mapping.c has warned. */
static bool is_within(const struct dma_iova_state *state, size_t offset,
		      size_t size)
{
	size_t total = dma_iova_size(state);

	return size && offset <= total && size <= total - offset;
}

/* The range that a call is for: whole granules, but not beyond the reservation */
static struct span to_range(struct device *dev,
			    const struct dma_iova_state *state, size_t offset,
			    size_t size)
{
	u64 mask = dma_get_merge_boundary(dev);
	u64 end = state->addr + dma_iova_size(state) - 1;
	u64 first = state->addr + offset;
	u64 last = first + size - 1;

	return (struct span) {
		.first	= max(first & ~mask, state->addr),
		.last	= min(last | mask, end),
	};
}

/* The first thing that is wrong with a call, to be reported without the lock. */
struct mistake {
	const char *what;
	struct span range;
	bool has_piece;
	struct dma_debug_entry piece;
	enum dma_data_direction dir;
	unsigned long attrs;
};

static void note(struct mistake *mistake, const char *what,
		 const struct dma_debug_entry *piece)
{
	if (mistake->what)
		return;
	mistake->what = what;
	mistake->has_piece = piece;
	if (piece)
		mistake->piece = *piece;
}

static void report(struct device *dev, struct mistake *mistake)
{
	u64 size = mistake->range.last - mistake->range.first + 1;
	struct dma_debug_entry *piece = &mistake->piece;

	if (!mistake->what)
		return;
	if (!mistake->has_piece) {
		dma_debug_report(dev, NULL,
				 "device driver %s [device address=0x%016llx] [size=%llu bytes]\n",
				 mistake->what, mistake->range.first, size);
		return;
	}
	dma_debug_report(dev, piece,
			 "device driver %s [device address=0x%016llx] [size=%llu bytes] [piece address=0x%016llx] [piece size=%llu bytes] [linked with %s, attributes 0x%lx] [now %s, attributes 0x%lx]\n",
			 mistake->what, mistake->range.first, size,
			 piece->dev_addr, piece->size,
			 dma_debug_dir_name(piece->direction), piece->attrs,
			 dma_debug_dir_name(mistake->dir), mistake->attrs);
}

/* For a state that is no reservation of the device's, or not any more */
static void report_reservation(struct device *dev,
			       const struct dma_iova_state *state,
			       const char *what)
{
	dma_debug_report(dev, NULL,
			 "device driver %s [device address=0x%016llx] [size=%zu bytes]\n",
			 what, (u64)state->addr, dma_iova_size(state));
}

/* Give back an entry of which no cacheline has been tracked. */
static void free_untracked(struct dma_debug_entry *entry)
{
	entry->direction = DMA_TO_DEVICE;
	dma_entry_free(entry);
}

static void free_pieces(struct list_head *pieces)
{
	struct dma_debug_entry *piece, *next;

	list_for_each_entry_safe(piece, next, pieces, list)
		dma_entry_free(piece);
}

void debug_dma_iova_alloc(struct device *dev,
			  const struct dma_iova_state *state)
{
	struct dma_debug_entry *entry;
	unsigned long flags;

	if (unlikely(dma_debug_disabled()))
		return;

	entry = dma_entry_alloc();
	if (!entry)
		return;

	entry->dev = dev;
	entry->dev_addr = state->addr;
	entry->size = dma_iova_size(state);
	entry->pieces = RB_ROOT;
	entry->sync_due = true;

	spin_lock_irqsave(&reservations_lock, flags);
	hash_add(reservations, &entry->hash, state->addr);
	spin_unlock_irqrestore(&reservations_lock, flags);
}

static bool piece_less(struct rb_node *a, const struct rb_node *b)
{
	return rb_entry(a, struct dma_debug_entry, node)->dev_addr <
	       rb_entry(b, struct dma_debug_entry, node)->dev_addr;
}

/* What is linked already where @piece would go */
static struct dma_debug_entry *
find_overlap(const struct dma_debug_entry *reservation,
	     const struct dma_debug_entry *piece)
{
	struct dma_debug_entry *other = find_piece(reservation,
						   piece->dev_addr);

	return other && other->dev_addr <= piece_last(piece) ? other : NULL;
}

static void link_piece(struct device *dev, const struct dma_iova_state *state,
		       const struct phys_vec *vec, size_t offset, int err,
		       struct mistake *mistake)
{
	struct dma_debug_entry *piece, *reservation, *other = NULL;
	bool added = false;
	unsigned long flags;

	piece = dma_entry_alloc();
	if (!piece)
		return;

	piece->dev = dev;
	piece->dev_addr = state->addr + offset;
	piece->size = vec->len;
	piece->paddr = vec->paddr;
	piece->direction = mistake->dir;
	piece->attrs = mistake->attrs;
	piece->sync_due = true;

	spin_lock_irqsave(&reservations_lock, flags);
	reservation = find_reservation(dev, state);
	if (!reservation)
		note(mistake, "links memory into a reservation that it does not have",
		     NULL);
	else
		other = find_overlap(reservation, piece);
	if (other)
		note(mistake, "links memory over memory that it has linked",
		     other);
	if (reservation && !other && !err) {
		rb_add(&piece->node, &reservation->pieces, piece_less);
		reservation->linked += piece->size;
		added = true;
	}
	spin_unlock_irqrestore(&reservations_lock, flags);

	if (added)
		dma_entry_track_cacheline(piece, mistake->attrs);
	else
		free_untracked(piece);
}

static void clear_sync_due(struct dma_debug_entry *reservation,
			   struct span range)
{
	struct dma_debug_entry *piece = find_piece(reservation, range.first);

	for (; piece && piece_last(piece) <= range.last;
	     piece = next_piece(piece)) {
		if (piece->dev_addr >= range.first)
			piece->sync_due = false;
	}
}

/* The driver will undo all it has linked, and need not synchronise it before. */
static void forgive_sync(struct device *dev, const struct dma_iova_state *state)
{
	struct dma_debug_entry *reservation;
	unsigned long flags;

	spin_lock_irqsave(&reservations_lock, flags);
	reservation = find_reservation(dev, state);
	if (reservation)
		clear_sync_due(reservation, (struct span) { 0, U64_MAX });
	spin_unlock_irqrestore(&reservations_lock, flags);
}

static void check_memory(struct device *dev, const struct phys_vec *vec)
{
	if (pfn_valid(PHYS_PFN(vec->paddr)))
		dma_debug_check_memory(dev, pfn_to_page(PHYS_PFN(vec->paddr)),
				       offset_in_page(vec->paddr), vec->len);
}

void debug_dma_iova_link(struct device *dev, const struct dma_iova_state *state,
			 const struct phys_vec *vec, size_t nr, size_t offset,
			 enum dma_data_direction dir, unsigned long attrs,
			 int err)
{
	struct mistake mistake = { .dir = dir, .attrs = attrs };

	if (unlikely(dma_debug_disabled()))
		return;

	if (err)
		forgive_sync(dev, state);
	/* Refused, and there has been a warning */
	if (err == -EINVAL)
		return;

	mistake.range.first = state->addr + offset;
	for (; nr; vec++, nr--) {
		if (!(attrs & DMA_ATTR_MMIO))
			check_memory(dev, vec);
		link_piece(dev, state, vec, offset, err, &mistake);
		offset += vec->len;
	}
	mistake.range.last = state->addr + offset - 1;
	report(dev, &mistake);
}

void debug_dma_iova_sync(struct device *dev, const struct dma_iova_state *state,
			 size_t offset, size_t size, int err)
{
	struct dma_debug_entry *reservation;
	unsigned long flags;

	if (unlikely(dma_debug_disabled()))
		return;

	if (err)
		forgive_sync(dev, state);
	if (!is_within(state, offset, size))
		return;

	spin_lock_irqsave(&reservations_lock, flags);
	reservation = find_reservation(dev, state);
	if (reservation && !err) {
		clear_sync_due(reservation, to_range(dev, state, offset, size));
		reservation->sync_due = false;
	}
	spin_unlock_irqrestore(&reservations_lock, flags);

	if (!reservation)
		report_reservation(dev, state,
				   "synchronises a reservation that it does not have");
}

/*
 * What is left of a piece of which a part is unlinked. @piece->paddr stays: its
 * cacheline is tracked.
 */
static void cut_piece(struct dma_debug_entry *piece, struct span range)
{
	if (piece->dev_addr < range.first) {
		piece->size = range.first - piece->dev_addr;
	} else {
		piece->size = piece_last(piece) - range.last;
		piece->dev_addr = range.last + 1;
	}
}

static u64 bytes_in(const struct dma_debug_entry *piece, struct span range)
{
	return min(piece_last(piece), range.last) -
	       max(piece->dev_addr, range.first) + 1;
}

static bool is_whole(const struct dma_debug_entry *piece, struct span range)
{
	return piece->dev_addr >= range.first &&
	       piece_last(piece) <= range.last;
}

/*
 * Should a piece have been synchronised? Not if the driver gives up: it has linked
 * a part of the reservation, and has not come to synchronise anything.
 */
static bool needs_sync(const struct dma_debug_entry *reservation)
{
	return reservation->linked == reservation->size ||
	       !reservation->sync_due;
}

static void check_piece(const struct dma_debug_entry *piece, bool sync,
			struct mistake *mistake)
{
	if (!is_whole(piece, mistake->range))
		note(mistake, "unlinks half a piece", piece);
	else if (piece->direction != mistake->dir)
		note(mistake, "unlinks memory with another direction", piece);
	else if ((piece->attrs ^ mistake->attrs) & ~DMA_ATTR_SKIP_CPU_SYNC)
		note(mistake, "unlinks memory with other attributes", piece);
	else if (piece->sync_due && sync)
		note(mistake, "has not synchronised memory that it unlinks",
		     piece);
}

/* Move what is linked in a range, which should be all of it, to @gone. */
static void unlink_range(struct dma_debug_entry *reservation,
			 struct mistake *mistake, struct list_head *gone)
{
	struct span range = mistake->range;
	bool sync = needs_sync(reservation);
	struct dma_debug_entry *piece, *next;
	u64 linked = 0;

	for (piece = find_piece(reservation, range.first);
	     piece && piece->dev_addr <= range.last; piece = next) {
		next = next_piece(piece);
		linked += bytes_in(piece, range);
		check_piece(piece, sync, mistake);
		if (is_whole(piece, range)) {
			rb_erase(&piece->node, &reservation->pieces);
			list_add(&piece->list, gone);
		} else {
			cut_piece(piece, range);
		}
	}

	reservation->linked -= linked;
	if (!linked)
		note(mistake, "unlinks memory that it has not linked", NULL);
	else if (linked <= range.last - range.first)
		note(mistake, "unlinks a hole", NULL);
}

void debug_dma_iova_unlink(struct device *dev,
			   const struct dma_iova_state *state, size_t offset,
			   size_t size, enum dma_data_direction dir,
			   unsigned long attrs)
{
	struct mistake mistake = { .dir = dir, .attrs = attrs };
	struct dma_debug_entry *reservation;
	unsigned long flags;
	LIST_HEAD(gone);

	if (unlikely(dma_debug_disabled()) || !is_within(state, offset, size))
		return;

	mistake.range = to_range(dev, state, offset, size);
	spin_lock_irqsave(&reservations_lock, flags);
	reservation = find_reservation(dev, state);
	if (reservation)
		unlink_range(reservation, &mistake, &gone);
	spin_unlock_irqrestore(&reservations_lock, flags);

	free_pieces(&gone);
	if (reservation)
		report(dev, &mistake);
	else
		report_reservation(dev, state,
				   "unlinks memory from a reservation that it does not have");
}

/* Move what is linked to @gone, and make a mistake of it. */
static void unlink_rest(struct dma_debug_entry *reservation,
			struct mistake *mistake, struct list_head *gone)
{
	struct dma_debug_entry *piece, *next;

	rbtree_postorder_for_each_entry_safe(piece, next, &reservation->pieces,
					     node) {
		note(mistake, "gives back a reservation that has memory linked",
		     piece);
		list_add(&piece->list, gone);
	}
}

void debug_dma_iova_destroy(struct device *dev,
			    const struct dma_iova_state *state,
			    size_t mapped_len, enum dma_data_direction dir,
			    unsigned long attrs)
{
	struct mistake mistake = { .dir = dir, .attrs = attrs };
	struct dma_debug_entry *reservation;
	unsigned long flags;
	LIST_HEAD(gone);

	if (unlikely(dma_debug_disabled()) || !dma_use_iova(state))
		return;

	mapped_len = min(mapped_len, dma_iova_size(state));
	spin_lock_irqsave(&reservations_lock, flags);
	reservation = find_reservation(dev, state);
	if (reservation) {
		if (mapped_len) {
			mistake.range = to_range(dev, state, 0, mapped_len);
			unlink_range(reservation, &mistake, &gone);
		}
		if (!mistake.what)
			mistake.range = to_range(dev, state, 0,
						 dma_iova_size(state));
		unlink_rest(reservation, &mistake, &gone);
		hash_del(&reservation->hash);
	}
	spin_unlock_irqrestore(&reservations_lock, flags);

	if (!reservation) {
		report_reservation(dev, state,
				   "gives back a reservation that it does not have");
		return;
	}
	free_pieces(&gone);
	free_untracked(reservation);
	report(dev, &mistake);
}

void debug_dma_iova_free(struct device *dev, const struct dma_iova_state *state)
{
	debug_dma_iova_destroy(dev, state, 0, DMA_NONE, 0);
}

void debug_dma_iova_hand_over(struct device *dev,
			      const struct dma_iova_state *state, size_t offset,
			      size_t size, enum dma_data_direction dir)
{
	struct mistake mistake = { .dir = dir };
	struct dma_debug_entry *reservation, *piece = NULL;
	unsigned long flags;
	u64 linked = 0;

	if (unlikely(dma_debug_disabled()) || !is_within(state, offset, size))
		return;

	mistake.range = to_range(dev, state, offset, size);
	spin_lock_irqsave(&reservations_lock, flags);
	reservation = find_reservation(dev, state);
	if (reservation)
		piece = find_piece(reservation, mistake.range.first);
	for (; piece && piece->dev_addr <= mistake.range.last;
	     piece = next_piece(piece)) {
		linked += bytes_in(piece, mistake.range);
		if (piece->direction != dir &&
		    piece->direction != DMA_BIDIRECTIONAL)
			note(&mistake, "hands over memory with another direction",
			     piece);
	}
	if (linked <= mistake.range.last - mistake.range.first)
		note(&mistake, "hands over memory that it has not linked", NULL);
	spin_unlock_irqrestore(&reservations_lock, flags);

	report(dev, &mistake);
}

__printf(2, 3)
static void dump_line(struct seq_file *seq, const char *fmt, ...)
{
	struct va_format vaf;
	va_list args;

	va_start(args, fmt);
	vaf.fmt = fmt;
	vaf.va = &args;
	if (seq)
		seq_printf(seq, "%pV\n", &vaf);
	else
		pr_info("%pV\n", &vaf);
	va_end(args);
}

static void dump_reservation(struct seq_file *seq,
			     struct dma_debug_entry *entry)
{
	const char *driver = dev_driver_string(entry->dev);
	const char *device = dev_name(entry->dev);
	struct dma_debug_entry *piece;

	dump_line(seq, "%s %s reservation D=%llx L=%llx", driver, device,
		  entry->dev_addr, entry->size);
	for (piece = to_piece(rb_first(&entry->pieces)); piece;
	     piece = next_piece(piece))
		dump_line(seq, "%s %s piece P=%pa D=%llx L=%llx %s attrs=%lx %s",
			  driver, device, &piece->paddr, piece->dev_addr,
			  piece->size, dma_debug_dir_name(piece->direction),
			  piece->attrs,
			  piece->sync_due ? "not synchronised" : "synchronised");
}

void debug_dma_iova_dump(struct seq_file *seq, struct device *dev)
{
	struct dma_debug_entry *entry;
	unsigned long flags;
	int i;

	for (i = 0; i < HASH_SIZE(reservations); i++) {
		spin_lock_irqsave(&reservations_lock, flags);
		hlist_for_each_entry(entry, &reservations[i], hash) {
			if (!dev || dev == entry->dev)
				dump_reservation(seq, entry);
		}
		spin_unlock_irqrestore(&reservations_lock, flags);
	}
}

void debug_dma_iova_unbound(struct device *dev)
{
	struct dma_debug_entry *entry, leaked;
	unsigned long flags;
	int i, count = 0;

	spin_lock_irqsave(&reservations_lock, flags);
	hash_for_each(reservations, i, entry, hash) {
		if (entry->dev == dev && !count++)
			leaked = *entry;
	}
	spin_unlock_irqrestore(&reservations_lock, flags);

	if (count)
		dma_debug_report(dev, &leaked,
				 "device driver has reservations while released from device [count=%d] One of them: [device address=0x%016llx] [size=%llu bytes]\n",
				 count, leaked.dev_addr, leaked.size);
}
