import type { Origin } from '#kernel/actor.ts';

export type AuditDetails = Readonly<Record<string, string | number | boolean | null>>;

export type AuditEventType =
  | 'user_registered'
  | 'user_login'
  | 'user_login_failed'
  | 'user_logout'
  | 'token_reused'
  | 'session_revoked'
  | 'profile_updated'
  | 'password_changed'
  | 'track_uploaded'
  | 'track_updated'
  | 'track_removed'
  | 'track_restored'
  | 'room_created'
  | 'room_removed'
  | 'room_member_changed'
  | 'room_member_removed'
  | 'message_removed'
  | 'user_blocked'
  | 'user_unblocked'
  | 'admin_rule_created'
  | 'admin_rule_updated'
  | 'admin_rule_removed'
  | 'admin_text_released'
  | 'admin_text_rejected'
  | 'access_denied'
  | 'rate_limit_exceeded'
  | 'intrusion_attempt';

/** Who did what, from where, and whether it was let happen. Secrets have no place in `details`. */
export type AuditEvent = {
  event_type: AuditEventType;
  user_id: number | null;
  origin: Origin;
  success: boolean;
  details?: AuditDetails;
};

/** Bound to a transaction: what is recorded is committed with the change, or not at all. */
export interface AuditTrail {
  record(event: AuditEvent): Promise<void>;
}

/** For refusals, which change nothing: never awaited, bounded, one record per actor, type and minute. */
export interface RefusalAudit {
  note(refusal: Omit<AuditEvent, 'success'>): void;
}
