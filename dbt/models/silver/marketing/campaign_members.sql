with latest_members as (
    {{ latest_versions(ref('salesforce__campaign_members'), 'campaign_member_ref') }}
),

contact_identities as (
    {{ customer_of('salesforce', 'contacts') }}
),

described as (
    select
        'salesforce:' || members.campaign_member_ref as campaign_member_id,
        contact_identities.customer_id,
        members.campaign_ref,
        lower(members.status) as member_status,
        members.created_at as added_at
    from latest_members as members
    inner join contact_identities on members.contact_ref = contact_identities.source_ref
    where not coalesce(members.is_deleted, false)
)

select * from described
